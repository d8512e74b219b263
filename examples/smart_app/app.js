// A SMART app in one page: the latest vital signs of the patient that its user picks, or that an EHR opens it about.
// https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html
//
//   fhir-server client add "Latest vital signs" --id vitals --kind public --redirect-uri http://localhost:9000/ \
//       --launch-url http://localhost:9000/ --scope "launch launch/patient patient/Patient.r patient/Observation.rs"
//   python -m http.server 9000 -d examples/smart_app

const CLIENT = 'vitals'
const HERE = location.origin + location.pathname
const SCOPE = 'patient/Patient.r patient/Observation.rs'

const encoded = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=/g, '')
const random = () => encoded(crypto.getRandomValues(new Uint8Array(32)))
const shown = (selector) => Object.assign(document.querySelector(selector), { hidden: false })
const say = (text) => { shown('[role=status]').textContent = text }

async function fetched (url, options) {
  const answer = await fetch(url, options)
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${await answer.text()}`)
  return answer.json()
}

// To the server's own pages, where the user logs in and decides.
async function ask (iss, launch) {
  const { issuer, authorization_endpoint: page, token_endpoint: token } = await fetched(`${iss}/.well-known/smart-configuration`)
  const begun = { iss, issuer, token, state: random(), verifier: random() }
  sessionStorage.setItem('begun', JSON.stringify(begun))
  const challenge = encoded(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(begun.verifier)))
  const parameters = new URLSearchParams({
    response_type: 'code',
    client_id: CLIENT,
    redirect_uri: HERE,
    scope: `${launch ? 'launch' : 'launch/patient'} ${SCOPE}`,
    state: begun.state,
    aud: iss,
    code_challenge: challenge,
    code_challenge_method: 'S256',
    ...(launch && { launch })
  })
  location.assign(`${page}?${parameters}`)
}

// Back again: the code becomes a token, if it is the answer to what this page asked that server.
async function answered (asked) {
  const begun = JSON.parse(sessionStorage.getItem('begun') ?? '{}')
  sessionStorage.removeItem('begun')
  history.replaceState({}, '', HERE)
  if (asked.get('state') !== begun.state || asked.get('iss') !== begun.issuer) throw new Error('This answers no question of this page.')
  if (asked.has('error')) throw new Error(asked.get('error_description') ?? asked.get('error'))
  const body = new URLSearchParams({
    grant_type: 'authorization_code',
    code: asked.get('code'),
    redirect_uri: HERE,
    client_id: CLIENT,
    code_verifier: begun.verifier
  })
  return { iss: begun.iss, ...await fetched(begun.token, { method: 'POST', body }) }
}

async function show ({ iss, patient, access_token: token }) {
  const read = (path) => fetched(`${iss}/${path}`, { headers: { Authorization: `Bearer ${token}` } })
  const { name: [name] = [{}] } = await read(`Patient/${patient}`)
  const { entry = [] } = await read(`Observation/$lastn?patient=${patient}&category=vital-signs`)
  shown('table').tBodies[0].append(...entry.flatMap(({ resource }) => rows(resource)))
  say(name.text ?? [...name.given ?? [], name.family].join(' '))
}

// A row for the value, or one for each component.
function rows (observation) {
  const when = new Date(observation.effectiveDateTime ?? observation.effectivePeriod?.end ?? observation.issued)
  return [observation, ...observation.component ?? []].filter((each) => each.valueQuantity).map(({ code, valueQuantity: { value, unit } }) => {
    const row = document.createElement('tr')
    for (const text of [code.text ?? code.coding[0].display ?? code.coding[0].code, `${value} ${unit ?? ''}`, when.toLocaleString()]) {
      row.insertCell().textContent = text
    }
    return row
  })
}

async function main () {
  const asked = new URLSearchParams(location.search)
  if (asked.has('state')) return show(await answered(asked))
  if (asked.has('iss')) return ask(asked.get('iss'), asked.get('launch'))
  say('Which server are the records on?')
  shown('form')
}

main().catch((error) => say(`It did not work: ${error.message}`))
