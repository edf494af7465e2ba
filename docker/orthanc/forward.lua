-- Sends every photograph that Orthanc receives to the gateway. Orthanc tries once: what it could not send, because the
-- gateway was away, the gateway finds by itself when it looks for images (MELANOGATEWAY_POLL_SECONDS).
function OnStoredInstance(instance, tags, metadata, origin)
  if tags['Modality'] == 'XC' or tags['Modality'] == 'DMS' then
    SendToModality(instance, 'gateway')
  end
end
