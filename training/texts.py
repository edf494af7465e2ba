"""What every version says of itself in words: intended use, label policies, licences of the data."""

INTENDED_USE = (
    "For research use only; not a medical device and not for use in diagnostic procedures. An aid to the study of "
    "dermoscopic images of single skin lesions. It must never be the sole basis of a decision about a patient."
)

CLASSIFIER_SUMMARY = "MobileNet fine-tuned end to end on dermoscopic images: benign, melanoma or another malignancy."

MALIGNANT_POLICY = (
    "Malignant is melanoma (in situ or invasive), basal cell carcinoma, or actinic keratosis / intraepithelial "
    "carcinoma (a precursor). Benign is melanocytic nevus, benign keratosis, dermatofibroma or vascular lesion. "
    "Sources that only say malignant or benign, or melanoma or not, were used as the set of diagnoses that they leave "
    "open. Part of the nevi was never biopsied but followed up or judged by experts."
)

GRADER_SUMMARY = "Two linear layers on the classifier's features: which stage grade a melanoma's picture resembles."

LICENCES = {
    "ham10000": "CC BY-NC 4.0 (Tschandl 2018, doi 10.1038/sdata.2018.161)",
    "isic2017": "CC-0 (ISIC 2017 challenge, Codella 2018, arXiv:1710.05006)",
    "melanoma10000": "none stated; contains HAM10000 and ISIC images: non-commercial",
    "isic-acral": "per image CC-0, CC-BY or CC-BY-NC (ISIC Archive)",
    "melanoma-severity": "per image CC-0, CC-BY or CC-BY-NC (ISIC Archive)",
    "fullres": "CC-0 (ISIC Archive)",
}

LIMITS = (
    "Skin tone is hardly recorded in the data, and dark skin is rare: how the model does there was not measured.",
    "Age, sex and body site are selected together with the diagnosis in most sources.",
)

UNGUARDED = (
    "Images that are no dermoscopic photograph of a lesion get an answer too; a gate that refuses them is not part of "
    "this version."
)

GATE_LIMITS = (
    "The gate was not measured on clinical close-ups (lesions photographed without a dermoscope): there are none here. "
    "It may let them pass.",
    "What is mostly hair or has a ruler across it was learned from photographs over which hair and rulers were painted "
    "and measured on such. Where they cover less, a picture may pass; ink is no reason to abstain.",
)

CLASSIFIER_LIMITS = (
    "The malignant and benign halves of melanoma10000 come from different collections; a high figure on its test split "
    "proves nothing by itself.",
    "The probability holds for the stated prevalence; where malignant lesions are rarer it is too high. Of melanoma "
    "within malignant the share follows the training images, not any clinic.",
)
