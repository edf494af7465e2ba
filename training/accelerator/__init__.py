"""Learning on a machine that has an accelerator, JAX and nothing else of ours: a pack goes there, weights come back.

TensorFlow's GPU build needs gigabytes beside the driver; JAX is found where there are accelerators. So the loop alone
is written in it, with the network and the augmentation that it needs; everything that makes a version out of weights
stays where it is. Only `pack` and `learned` know the rest of the training side.
"""
