"""A shop's server verifies quotes in Python with PyJWT (pip install 'pyjwt[crypto]').

  QUOTE_KEYS  the shared keys, `kid:hex64[,kid:hex64]`, for quotes signed by HS256
  QUOTE_JWKS  https://SHOP/haggle/v1/quotes/keys, for quotes signed by ES256
  MERCHANT    the shop, as in the Worker's variable

  echo '{"lines":[{"sku":"OLIVE-500","currency":"EUR","quote":"eyJ…"}]}' | python verify.py
"""

import json
import os
import sys
import time

import jwt


class Refusal(Exception):
    """Why the catalogue price stands."""


class Verifier:
    def __init__(self, quote_keys="", quote_jwks="", merchant=""):
        pairs = (key.strip().split(":") for key in quote_keys.split(",") if key)
        self.secrets = {kid: bytes.fromhex(secret) for kid, secret in pairs}
        self.published = jwt.PyJWKClient(quote_jwks) if quote_jwks else None
        self.merchant = merchant

    def key_of(self, quote):
        """The algorithm and the key. A public key must never be taken for a shared secret."""
        header = jwt.get_unverified_header(quote)
        algorithm, kid = header.get("alg"), header.get("kid")
        if algorithm == "HS256" and self.secrets:
            if kid not in self.secrets:
                raise Refusal("unknown-key")
            return algorithm, self.secrets[kid]
        if algorithm == "ES256" and self.published:
            known = {key.key_id: key for key in self.published.get_signing_keys()}
            if kid not in known:  # perhaps it is new
                known = {key.key_id: key for key in self.published.get_signing_keys(refresh=True)}
            if kid not in known:
                raise Refusal("unknown-key")
            return algorithm, known[kid].key
        raise Refusal("wrong-algorithm")

    def price(self, line):
        """The price to charge."""
        quote = line.get("quote") or ""
        algorithm, key = self.key_of(quote)
        options = {"require": ["exp", "iat", "m", "o", "c", "p"], "verify_iat": False}
        claims = jwt.decode(quote, key, algorithms=[algorithm], options=options)
        if claims.get("preview"):
            raise Refusal("preview")
        if claims["iat"] > time.time() + 300:
            raise Refusal("not-yet-valid")
        if claims["m"] != self.merchant:
            raise Refusal("another-merchant")
        if claims["o"] != line["sku"]:
            raise Refusal("another-item")
        if line.get("currency") not in (None, claims["c"]):
            raise Refusal("another-currency")
        return claims["p"]

    def verify(self, line):
        """The price to charge, or why the catalogue price stands."""
        try:
            return {"status": "valid", "price_minor": self.price(line)}
        except Refusal as refusal:
            code = str(refusal)
        except jwt.ExpiredSignatureError:
            code = "expired"
        except jwt.InvalidSignatureError:
            code = "wrong-signature"
        except jwt.InvalidTokenError:
            code = "malformed"
        return {"status": "refused", "code": code}


if __name__ == "__main__":
    verifier = Verifier(*(os.environ.get(name, "") for name in ("QUOTE_KEYS", "QUOTE_JWKS", "MERCHANT")))
    lines = json.load(sys.stdin)["lines"]
    json.dump({"results": [verifier.verify(line) for line in lines]}, sys.stdout)
