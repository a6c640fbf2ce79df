// A shop's server verifies quotes in Go with golang-jwt (go get github.com/golang-jwt/jwt/v4; Debian's package has it
// under the path below).
//
//	QUOTE_KEYS  the shared keys, `kid:hex64[,kid:hex64]`, for quotes signed by HS256
//	QUOTE_JWKS  https://SHOP/haggle/v1/quotes/keys, for quotes signed by ES256
//	MERCHANT    the shop, as in the Worker's variable
//
//	echo '{"lines":[{"sku":"OLIVE-500","currency":"EUR","quote":"eyJ…"}]}' | go run verify.go
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/golang-jwt/jwt"
)

// Claims are those of a quote that a shop needs.
type Claims struct {
	Merchant   string `json:"m"`
	Sku        string `json:"o"`
	Currency   string `json:"c"`
	PriceMinor int64  `json:"p"`
	IssuedAt   int64  `json:"iat"`
	ExpiresAt  int64  `json:"exp"`
	Preview    bool   `json:"preview"`
}

// Valid is asked after the signature was verified.
func (c Claims) Valid() error {
	switch now := time.Now().Unix(); {
	case c.Preview:
		return refusal("preview")
	case c.IssuedAt > now+300:
		return refusal("not-yet-valid")
	case c.ExpiresAt <= now:
		return refusal("expired")
	}
	return nil
}

type refusal string

func (r refusal) Error() string { return string(r) }

// Verifier knows the keys of each algorithm. A public key must never be taken for a shared secret.
type Verifier struct {
	secrets   map[string][]byte
	published map[string]*ecdsa.PublicKey
	merchant  string
}

func newVerifier(keys, jwks, merchant string) (*Verifier, error) {
	v := &Verifier{map[string][]byte{}, map[string]*ecdsa.PublicKey{}, merchant}
	for _, key := range strings.Split(keys, ",") {
		if parts := strings.SplitN(strings.TrimSpace(key), ":", 2); len(parts) == 2 {
			secret, err := hex.DecodeString(parts[1])
			if err != nil {
				return nil, err
			}
			v.secrets[parts[0]] = secret
		}
	}
	if jwks == "" {
		return v, nil
	}
	// A server that runs for longer asks again when it meets an unknown kid.
	answer, err := http.Get(jwks)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	var set struct {
		Keys []struct{ Kid, Kty, Crv, X, Y string }
	}
	if err := json.NewDecoder(answer.Body).Decode(&set); err != nil {
		return nil, err
	}
	for _, key := range set.Keys {
		x, errX := base64.RawURLEncoding.DecodeString(key.X)
		y, errY := base64.RawURLEncoding.DecodeString(key.Y)
		if key.Kty == "EC" && key.Crv == "P-256" && errX == nil && errY == nil {
			v.published[key.Kid] = &ecdsa.PublicKey{Curve: elliptic.P256(), X: new(big.Int).SetBytes(x), Y: new(big.Int).SetBytes(y)}
		}
	}
	return v, nil
}

func (v *Verifier) key(token *jwt.Token) (interface{}, error) {
	kid, _ := token.Header["kid"].(string)
	switch token.Method.Alg() {
	case "HS256":
		if secret, known := v.secrets[kid]; known {
			return secret, nil
		} else if len(v.secrets) > 0 {
			return nil, refusal("unknown-key")
		}
	case "ES256":
		if public, known := v.published[kid]; known {
			return public, nil
		} else if len(v.published) > 0 {
			return nil, refusal("unknown-key")
		}
	}
	return nil, refusal("wrong-algorithm")
}

// Line is a line of the cart.
type Line struct{ Quote, Sku, Currency string }

// Result is the price to charge, or why the catalogue price stands.
type Result struct {
	Status     string `json:"status"`
	PriceMinor int64  `json:"price_minor,omitempty"`
	Code       string `json:"code,omitempty"`
}

func (v *Verifier) verify(line Line) Result {
	var claims Claims
	_, err := jwt.ParseWithClaims(line.Quote, &claims, v.key)
	switch {
	case err != nil:
	case claims.Merchant != v.merchant:
		err = refusal("another-merchant")
	case claims.Sku != line.Sku:
		err = refusal("another-item")
	case line.Currency != "" && claims.Currency != line.Currency:
		err = refusal("another-currency")
	default:
		return Result{Status: "valid", PriceMinor: claims.PriceMinor}
	}
	return Result{Status: "refused", Code: code(err)}
}

func code(err error) string {
	var why refusal
	switch {
	case errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return "wrong-signature"
	case errors.As(err, &why):
		return string(why)
	}
	return "malformed"
}

func main() {
	v, err := newVerifier(os.Getenv("QUOTE_KEYS"), os.Getenv("QUOTE_JWKS"), os.Getenv("MERCHANT"))
	var cart struct{ Lines []Line }
	if err == nil {
		err = json.NewDecoder(os.Stdin).Decode(&cart)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	results := []Result{}
	for _, line := range cart.Lines {
		results = append(results, v.verify(line))
	}
	json.NewEncoder(os.Stdout).Encode(map[string][]Result{"results": results})
}
