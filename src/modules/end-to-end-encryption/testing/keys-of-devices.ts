/** A one-time key with what the specification wants of one; nobody checks the signature here. */
export const SIGNED_KEY = { key: 'k', signatures: { '@bob:bob.example': { 'ed25519:PHONE': 's' } } };

/** Identity keys of a device, as its client uploads them. */
export const deviceKeys = (userId: string, deviceId: string, key = 'a') => ({
  user_id: userId,
  device_id: deviceId,
  algorithms: ['m.olm.v1.curve25519-aes-sha2'],
  keys: { [`curve25519:${deviceId}`]: key },
  signatures: { [userId]: { [`ed25519:${deviceId}`]: 'signature' } },
});
