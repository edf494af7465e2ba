-- Sends every photograph that Orthanc receives to the gateway. Orthanc tries once. What it could not send, because the
-- gateway was away, the gateway finds by itself when it looks for images (MELANOGATEWAY_POLL_SECONDS), if it is of the
-- modality XC or DMS and its study of the last days; any other must be sent again by hand.

local PHOTOGRAPHS = {
  ['1.2.840.10008.5.1.4.1.1.77.1.4'] = true, -- VL Photographic Image
  ['1.2.840.10008.5.1.4.1.1.77.1.7'] = true, -- Dermoscopic Photography Image
}

-- A Secondary Capture may be a photograph or a scanned paper; only its modality tells.
local SECONDARY_CAPTURE = '1.2.840.10008.5.1.4.1.1.7'
local MODALITIES = { XC = true, DMS = true }

function OnStoredInstance(instance, tags, metadata, origin)
  local class = tags['SOPClassUID']
  if PHOTOGRAPHS[class] or (class == SECONDARY_CAPTURE and MODALITIES[tags['Modality']]) then
    SendToModality(instance, 'gateway')
  end
end
