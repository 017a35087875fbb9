"""A client on requests-oauthlib and the oauthlib below it."""

import requests
from answering import CLIENT, TIMEOUT, described, serve
from oauthlib.common import urldecode
from oauthlib.oauth2 import BackendApplicationClient, DeviceClient, LegacyApplicationClient, WebApplicationClient
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session

flows = {}


def identity():
    """How the library is told to authenticate the client, in its own words."""
    if CLIENT["authentication"] == "client_secret_basic":
        return {"auth": HTTPBasicAuth(CLIENT["clientId"], CLIENT["secret"])}
    if CLIENT["authentication"] == "client_secret_post":
        return {"include_client_id": True, "client_secret": CLIENT["secret"]}
    return {"include_client_id": True}


def fetch(kind, scope, **options):
    session = OAuth2Session(client=kind(CLIENT["clientId"], scope=scope), scope=scope)
    return described(session.fetch_token(CLIENT["token_endpoint"], timeout=TIMEOUT, **identity(), **options))


def post(url, form, headers=None):
    """What the library has no method for, authenticated as the rest."""
    known = identity()
    if known.pop("include_client_id", False):
        form = {**form, "client_id": CLIENT["clientId"]}
    if "client_secret" in known:
        form = {**form, "client_secret": known["client_secret"]}
    return requests.post(url, data=form, headers=headers, auth=known.get("auth"), timeout=TIMEOUT)


def authorize(pkce):
    client = WebApplicationClient(CLIENT["clientId"])
    session = OAuth2Session(client=client, scope=CLIENT["scope"].split(), redirect_uri=CLIENT["redirectUri"])
    challenge, proof = {}, {}
    if pkce:
        verifier = client.create_code_verifier(64)
        proof = {"code_verifier": verifier}
        challenge = {
            "code_challenge": client.create_code_challenge(verifier, "S256"),
            "code_challenge_method": "S256",
        }
    url, _ = session.authorization_url(CLIENT["authorization_endpoint"], **challenge)
    flow = len(flows)
    flows[flow] = (session, proof)
    return {"flow": flow, "url": url}


def redeem(flow, callback):
    session, proof = flows.pop(flow)
    return described(
        session.fetch_token(
            CLIENT["token_endpoint"], authorization_response=callback, timeout=TIMEOUT, **identity(), **proof
        )
    )


def refresh(refresh):
    session = OAuth2Session(client=WebApplicationClient(CLIENT["clientId"]))
    known = identity()
    if known.pop("include_client_id", False):
        known["client_id"] = CLIENT["clientId"]
    return described(
        session.refresh_token(CLIENT["token_endpoint"], refresh_token=refresh, timeout=TIMEOUT, **known)
    )


def client_credentials():
    return fetch(BackendApplicationClient, ["read_user"])


def password(username, password):
    return fetch(LegacyApplicationClient, CLIENT["scope"].split(), username=username, password=password)


def device():
    answer = post(CLIENT["device_authorization_endpoint"], {"scope": CLIENT["scope"]})
    answer.raise_for_status()
    return answer.json()


def poll(device_code):
    return fetch(DeviceClient, CLIENT["scope"].split(), device_code=device_code)


def userinfo(access):
    session = OAuth2Session(CLIENT["clientId"], token={"access_token": access, "token_type": "Bearer"})
    answer = session.get(CLIENT["userinfo_endpoint"], timeout=TIMEOUT)
    answer.raise_for_status()
    return answer.json()


def revoke(token):
    client = WebApplicationClient(CLIENT["clientId"])
    url, headers, body = client.prepare_token_revocation_request(
        CLIENT["revocation_endpoint"].replace("http:", "https:"), token, "access_token"
    )
    answer = post(url.replace("https:", "http:"), dict(urldecode(body)), headers)
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
        "revoke": revoke,
    }
)
