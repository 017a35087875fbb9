"""A client on Authlib."""

import secrets
from urllib.parse import parse_qs, urlsplit

from answering import CLIENT, TIMEOUT, described, serve
from authlib.integrations.requests_client import OAuth2Session, OAuthError
from authlib.jose import JsonWebKey, jwt
from authlib.oidc.core import CodeIDToken

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
flows = {}


def new_session(**options):
    method = CLIENT["authentication"]
    return OAuth2Session(
        CLIENT["clientId"],
        None if method == "none" else CLIENT["secret"],
        token_endpoint_auth_method=method,
        revocation_endpoint_auth_method=method,
        redirect_uri=CLIENT["redirectUri"],
        code_challenge_method="S256",
        **options,
    )


def subject_of(token, nonce=None):
    """Whom the ID token names, once its signature and claims are found right."""
    if "id_token" not in token:
        return None
    keys = JsonWebKey.import_key_set(new_session().request("GET", CLIENT["jwks_uri"], withhold_token=True, timeout=TIMEOUT).json())
    claims = jwt.decode(
        token["id_token"],
        keys,
        claims_cls=CodeIDToken,
        claims_options={
            "iss": {"essential": True, "value": CLIENT["issuer"]},
            "aud": {"essential": True, "value": CLIENT["clientId"]},
        },
        claims_params={"nonce": nonce, "client_id": CLIENT["clientId"]},
    )
    claims.validate(leeway=5)
    return claims["sub"]


def authorize(pkce):
    session = new_session(scope=CLIENT["scope"])
    verifier = secrets.token_urlsafe(48) if pkce else None
    nonce = secrets.token_urlsafe(16)
    url, state = session.create_authorization_url(CLIENT["authorization_endpoint"], code_verifier=verifier, nonce=nonce)
    flow = len(flows)
    flows[flow] = (session, state, verifier, nonce)
    return {"flow": flow, "url": url}


def redeem(flow, callback):
    session, state, verifier, nonce = flows.pop(flow)
    # Below its integrations with web frameworks, the library leaves a refusal to its user.
    refusal = parse_qs(urlsplit(callback).query)
    if "error" in refusal:
        raise OAuthError(error=refusal["error"][0])
    proof = {"code_verifier": verifier} if verifier else {}
    token = session.fetch_token(
        CLIENT["token_endpoint"], authorization_response=callback, state=state, timeout=TIMEOUT, **proof
    )
    return described(token, subject_of(token, nonce))


def refresh(refresh):
    token = new_session().refresh_token(CLIENT["token_endpoint"], refresh_token=refresh, timeout=TIMEOUT)
    return described(token, subject_of(token))


def client_credentials():
    session = new_session(scope="read_user")
    return described(session.fetch_token(CLIENT["token_endpoint"], grant_type="client_credentials", timeout=TIMEOUT))


def password(username, password):
    session = new_session(scope=CLIENT["scope"])
    token = session.fetch_token(CLIENT["token_endpoint"], username=username, password=password, timeout=TIMEOUT)
    return described(token, subject_of(token))


def device():
    form = {"scope": CLIENT["scope"]}
    session = new_session()
    answer = session.post(
        CLIENT["device_authorization_endpoint"], data=form, withhold_token=True, timeout=TIMEOUT,
        auth=session.client_auth(session.token_endpoint_auth_method),
    )
    answer.raise_for_status()
    return answer.json()


def poll(device_code):
    token = new_session().fetch_token(
        CLIENT["token_endpoint"], grant_type=DEVICE_GRANT, device_code=device_code, timeout=TIMEOUT
    )
    return described(token, subject_of(token))


def userinfo(access):
    answer = new_session(token={"access_token": access, "token_type": "Bearer"}).get(
        CLIENT["userinfo_endpoint"], timeout=TIMEOUT
    )
    answer.raise_for_status()
    return answer.json()


def introspect(token):
    answer = new_session().introspect_token(CLIENT["introspection_endpoint"], token=token, timeout=TIMEOUT)
    answer.raise_for_status()
    return answer.json()["active"]


def revoke(token):
    answer = new_session().revoke_token(CLIENT["revocation_endpoint"], token=token, token_type_hint="access_token", timeout=TIMEOUT)
    answer.raise_for_status()


serve(
    {
        "authorize": authorize,
        "redeem": redeem,
        "refresh": refresh,
        "client_credentials": client_credentials,
        "password": password,
        "device": device,
        "poll": poll,
        "userinfo": userinfo,
        "introspect": introspect,
        "revoke": revoke,
    }
)
