// openid-client, which believes nothing that it did not check: PKCE, state, nonce, iss, the id_token and its signature.
import * as client from 'openid-client'

const ALGORITHMS = {
  RS384: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-384' },
  ES384: { name: 'ECDSA', namedCurve: 'P-384' }
}

async function configured (issuer, id, key) {
  const { alg, kid, ...jwk } = key
  const signing = { key: await crypto.subtle.importKey('jwk', jwk, ALGORITHMS[alg], false, ['sign']), kid }
  const config = await client.discovery(new URL(issuer), id, undefined, client.PrivateKeyJwt(signing))
  client.enableNonRepudiationChecks(config)
  return config
}

// A code, its tokens, their renewal, what is told of them, and their end; `approve` takes a page through ours.
export async function code ({ fhir, origin, key, scope }, approve) {
  const config = await configured(new URL(fhir).origin, 'strict', key)
  const verifier = client.randomPKCECodeVerifier()
  const [state, nonce] = [client.randomState(), client.randomNonce()]
  const parameters = { redirect_uri: `${origin}/strict`, scope, aud: fhir, state, nonce, code_challenge_method: 'S256' }
  const url = client.buildAuthorizationUrl(config, { ...parameters, code_challenge: await client.calculatePKCECodeChallenge(verifier) })
  const back = await approve(url.href)
  const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true }
  const first = await client.authorizationCodeGrant(config, back, checks)
  const second = await client.refreshTokenGrant(config, first.refresh_token)
  const told = await client.tokenIntrospection(config, second.access_token)
  await client.tokenRevocation(config, second.refresh_token)
  const after = await client.tokenIntrospection(config, second.access_token)
  const replayed = await client.authorizationCodeGrant(config, back, checks).then(() => 'taken', (error) => error.error)
  return { iss: back.searchParams.get('iss'), claims: first.claims(), first, second, told, after, replayed }
}

// What a service gets for itself.
export async function forItself ({ fhir, id, key, scope }) {
  const config = await configured(new URL(fhir).origin, id, key)
  const { access_token: token, ...said } = await client.clientCredentialsGrant(config, { scope })
  const answer = await client.fetchProtectedResource(config, token, new URL(`${fhir}/Patient/smart-ada`), 'GET')
  return { said, status: answer.status }
}
