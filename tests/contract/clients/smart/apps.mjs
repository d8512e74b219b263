// Apps at an origin of their own, all with fhirclient as it comes from its makers: two run in the browser, one on its server.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { generateKeyPairSync } from 'node:crypto'
import { dirname, join } from 'node:path'
import smart from 'fhirclient'

export const SCOPE = 'openid fhirUser launch/patient offline_access patient/*.rs'
const LAUNCHED = 'openid fhirUser launch online_access patient/Observation.rs patient/Patient.r'

const bundle = join(dirname(createRequire(import.meta.url).resolve('fhirclient/package.json')), 'build/fhir-client.pure.js')
const example = new URL('../../../../examples/smart_app/', import.meta.url)
const live = new URL('../../../../examples/live_view/', import.meta.url)

export const keys = { RS384: made('RS384', 'rsa', { modulusLength: 2048 }), ES384: made('ES384', 'ec', { namedCurve: 'P-384' }) }

function made (alg, kind, options) {
  const { privateKey, publicKey } = generateKeyPairSync(kind, options)
  return { private: { ...privateKey.export({ format: 'jwk' }), alg, kid: alg }, public: { ...publicKey.export({ format: 'jwk' }), alg, kid: alg, use: 'sig' } }
}

const script = (text) => `<!doctype html><html lang="en"><title>App</title><script src="/fhir-client.js"></script><script>${text}</script>`
const ready = script('FHIR.oauth2.ready().then((client) => { window.client = client }, (error) => { window.failure = error.message })')
const launch = (options) => script(`FHIR.oauth2.authorize(${JSON.stringify(options)})`)

// Sends by a form what fhirclient would send in the address.
function posted (url) {
  const { origin, pathname, searchParams } = new URL(url)
  const form = Object.assign(document.createElement('form'), { method: 'post', action: origin + pathname })
  for (const [name, value] of searchParams) form.append(Object.assign(document.createElement('input'), { name, value, type: 'hidden' }))
  document.documentElement.append(form)
  form.submit()
}

// What each address answers, given the origin of the apps.
function served (origin) {
  const app = (name, more = {}) => ({ clientId: name, scope: SCOPE, redirectUri: `${origin}/${name}`, ...more })
  return {
    '/fhir-client.js': () => ['text/javascript', readFileSync(bundle)],
    '/public': () => ['text/html', ready],
    '/public/standalone': () => ['text/html', launch(app('public'))],
    '/public/visit': () => ['text/html', launch(app('public', { scope: `${SCOPE} launch/encounter` }))],
    '/public/launch': () => ['text/html', launch(app('public', { scope: LAUNCHED }))],
    '/public/posted': () => ['text/html', script(`${posted}; FHIR.oauth2.authorize(${JSON.stringify({ ...app('public'), noRedirect: true })}).then(posted)`)],
    '/signing': () => ['text/html', ready],
    '/signing/standalone': () => ['text/html', launch(app('signing', { clientPrivateJwk: keys.ES384.private }))],
    '/strict': () => ['text/html', 'Back.'],
    '/vitals/': () => ['text/html', readFileSync(new URL('index.html', example))],
    '/vitals/app.js': () => ['text/javascript', readFileSync(new URL('app.js', example))],
    '/live/': () => ['text/html', readFileSync(new URL('index.html', live))],
    '/live/live.js': () => ['text/javascript', readFileSync(new URL('live.js', live))]
  }
}

// The app on a server: its secret stays there, and its pages have no script.
const session = {}
const onServer = {
  '/secretive/standalone': (at, origin, secret) => at.authorize({ clientId: 'secretive', clientSecret: secret, scope: SCOPE, redirectUri: `${origin}/secretive` }),
  '/secretive': async (at) => JSON.stringify(await seen(await at.ready()))
}

// What an app gets to see with its token, and again with the next one.
export async function seen (client) {
  const values = async () => (await client.request(`Observation?patient=${client.patient.id}&_sort=-date`)).entry.map(({ resource }) => resource.valueQuantity.value)
  const hidden = (id) => client.request(`Patient/${id}`).then(() => 200, (error) => error.status ?? error.message)
  const said = { ...client.state.tokenResponse }
  const before = await values()
  const family = (await client.patient.read()).name[0].family
  const user = said.id_token ? (await client.user.read()).id : null
  const other = await hidden('smart-bert')
  const refreshed = said.refresh_token && client.state.clientPrivateJwk === undefined ? await client.refresh() : null
  const renewed = refreshed && refreshed.tokenResponse.access_token !== said.access_token && refreshed.tokenResponse.refresh_token !== said.refresh_token
  return { said, family, user, other, values: before, renewed, again: refreshed && await values() }
}

// Listens; `secret()` is the secret of the app on the server.
export async function listen (secret) {
  const server = createServer((request, response) => {
    answer(request, response).catch((error) => response.writeHead(500).end(String(error.stack)))
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const origin = `http://127.0.0.1:${server.address().port}`
  const pages = served(origin)

  async function answer (request, response) {
    const { pathname } = new URL(request.url, origin)
    if (pathname in onServer) {
      request.session = session
      const text = await onServer[pathname](smart(request, response), origin, secret())
      if (text !== undefined) response.writeHead(200, { 'Content-Type': 'application/json' }).end(text)
    } else if (pathname in pages) {
      const [type, body] = pages[pathname]()
      response.writeHead(200, { 'Content-Type': type }).end(body)
    } else {
      response.writeHead(404).end()
    }
  }
  return { origin, close: () => server.close() }
}
