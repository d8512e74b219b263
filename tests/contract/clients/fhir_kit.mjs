// Says to a FHIR server, in the words of fhir-kit-client, what it is asked to, and prints what came of it as JSON.
// node fhir_kit.mjs URL TOKEN STEP < what to send
import { readFileSync } from 'node:fs'
import { Client } from 'fhir-kit-client'

const [url, token, step] = process.argv.slice(2)
const client = new Client({ baseUrl: url, bearerToken: token })
const sent = JSON.parse(readFileSync(0, 'utf8'))

const modes = (bundle) => bundle.entry.map(({ resource, search }) => [resource.resourceType, search.mode])

async function stored () {
  await client.transaction({ body: sent })
  const bundle = await client.search({ resourceType: 'Patient', searchParams: { name: sent.entry[0].resource.name[0].family } })
  return bundle.entry[0].resource
}

const steps = {
  async crud () {
    const made = await client.create({ resourceType: 'Patient', body: sent })
    const changed = await client.update({ resourceType: 'Patient', id: made.id, body: { ...made, active: false } })
    const first = await client.vread({ resourceType: 'Patient', id: made.id, version: '1' })
    const history = await client.history({ resourceType: 'Patient', id: made.id })
    await client.delete({ resourceType: 'Patient', id: made.id })
    const gone = await client.read({ resourceType: 'Patient', id: made.id }).catch((error) => error.response.status)
    return { changed: changed.meta.versionId, first: first.active, versions: history.entry.length, gone }
  },

  async transaction () {
    const answer = await client.transaction({ body: sent })
    return answer.entry.map(({ response }) => response.status.slice(0, 3))
  },

  async batch () {
    const answer = await client.batch({ body: sent })
    return answer.entry.map(({ response }) => response.status.slice(0, 3))
  },

  async search () {
    const { id } = await stored()
    const searchParams = { patient: id, code: 'http://loinc.org|8867-4', _sort: '-date' }
    const found = []
    for (const postSearch of [false, true]) {
      const bundle = await client.search({ resourceType: 'Observation', searchParams, options: { postSearch } })
      found.push(bundle.entry.map(({ resource }) => resource.valueQuantity.value))
    }
    return found
  },

  async compartment () {
    const compartment = { resourceType: 'Patient', id: (await stored()).id }
    const bundle = await client.search({ resourceType: 'Observation', compartment, searchParams: { code: '8867-4' } })
    return bundle.entry.length
  },

  async paging () {
    const { id } = await stored()
    const pages = []
    let bundle = await client.search({ resourceType: 'Observation', searchParams: { patient: id, _count: 2 } })
    while (bundle) {
      pages.push(bundle.entry.length)
      bundle = await client.nextPage({ bundle })
    }
    return pages
  },

  async include () {
    const { id } = await stored()
    const forward = { patient: id, _include: 'Observation:patient' }
    const backward = { _id: id, _revinclude: 'Observation:patient' }
    return [
      modes(await client.search({ resourceType: 'Observation', searchParams: forward })),
      modes(await client.search({ resourceType: 'Patient', searchParams: backward }))
    ]
  },

  async patch () {
    const { id } = await stored()
    const jsonPatch = [{ op: 'replace', path: '/active', value: false }, { op: 'remove', path: '/birthDate' }]
    const patched = await client.patch({ resourceType: 'Patient', id, jsonPatch })
    return { active: patched.active, born: patched.birthDate ?? null, version: patched.meta.versionId }
  },

  async operation () {
    const { id } = await stored()
    const input = { patient: `Patient/${id}`, code: 'http://loinc.org|8867-4', max: 2 }
    const bundle = await client.operation({ name: '$lastn', resourceType: 'Observation', method: 'GET', input })
    return bundle.entry.map(({ resource }) => resource.valueQuantity.value)
  },

  async resolve () {
    const { id } = await stored()
    const bundle = await client.search({ resourceType: 'Observation', searchParams: { patient: id } })
    const resolved = await client.resolve({ reference: bundle.entry[0].resource.subject.reference })
    return resolved.id === id
  }
}

console.log(JSON.stringify(await steps[step]()))
