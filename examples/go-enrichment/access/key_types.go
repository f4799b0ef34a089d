package access

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"strings"
)

// curveBits are the bits of the curve that belongs to an algorithm (RFC 7518, 3.4).
var curveBits = map[string]int{"ES256": 256, "ES384": 384, "ES512": 521}

// canVerify says whether a key belongs to an algorithm.
func canVerify(key any, algorithm string) bool {
	switch key := key.(type) {
	case *rsa.PublicKey:
		return strings.HasPrefix(algorithm, "RS") || strings.HasPrefix(algorithm, "PS")
	case *ecdsa.PublicKey:
		return curveBits[algorithm] == key.Curve.Params().BitSize
	case ed25519.PublicKey:
		return algorithm == "EdDSA"
	}
	return false
}
