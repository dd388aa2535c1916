/// A contract as `stack.json` describes it, under its key `contract`; `docs/contract.md` lists the keys.
package struct ContractFile: Decodable {
  /// What is wrong in it, for the error of the stack file that holds it.
  package struct Mistake: Error {
    var problem: String
    var next: String
  }

  /// The name alone, where the fields are ours; or name and fields.
  package struct Form: Decodable {
    var name: String
    var fields: [String: String?]?
    var values: [String: [String: String]]?
    var constants: [String: String]?

    package enum CodingKeys: String, CodingKey, CaseIterable { case name, fields, values, constants }

    package init(from decoder: any Decoder) throws {
      if let name = try? decoder.singleValueContainer().decode(String.self) {
        self.name = name
        return
      }
      let container = try decoder.container(keyedBy: CodingKeys.self)
      name = try container.decode(String.self, forKey: .name)
      fields = try container.decodeIfPresent([String: String?].self, forKey: .fields)
      values = try container.decodeIfPresent([String: [String: String]].self, forKey: .values)
      constants = try container.decodeIfPresent([String: String].self, forKey: .constants)
    }
  }

  package struct Formats: Decodable {
    var fragment: [String]?
    var dub: [String]?

    package enum CodingKeys: String, CodingKey, CaseIterable { case fragment, dub }
  }

  /// One string or a list of them.
  struct Names: Decodable {
    var all: [String]

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let one = try? container.decode(String.self) { all = [one] } else { all = try container.decode([String].self) }
    }
  }

  enum Partial: String, Decodable { case refused, accepted }
  enum Times: String, Decodable { case number, integer }

  var namespace: Names?
  var auth: [String: String]?
  var events: [String: Form?]?
  var ignored: [String]?
  var streamID: String?
  var formats: Formats?
  var errorCodes: [String]?
  var partial: Partial?
  var times: Times?
  var sequence: Contract.Sequence?

  package enum CodingKeys: String, CodingKey, CaseIterable {
    case namespace, auth, events, ignored, formats, partial, times, sequence
    case streamID = "stream_id"
    case errorCodes = "error_codes"
  }

  /// The keys that an object at some place below `contract` may have; nil where any key may stand.
  static func keys(at path: [String]) -> [String]? {
    switch path.count {
    case 0: CodingKeys.allCases.map(\.rawValue)
    case 1 where path == ["formats"]: Formats.CodingKeys.allCases.map(\.rawValue)
    case 1 where path == ["events"]: Contract.Event.allCases.map(\.rawValue)
    case 2 where path[0] == "events": Form.CodingKeys.allCases.map(\.rawValue)
    case 3 where path[0] == "events": Contract.Event(rawValue: path[1])?.fields.map(\.rawValue)
    default: nil
    }
  }

  /// The contract, with what a variable holds in the place of `$VARIABLE` in `auth`.
  package func contract(inherited: [String: String]) throws(Mistake) -> Contract {
    var contract = try described()
    if let namespace { contract.namespaces = Set(namespace.all) }
    contract.auth = try auth.map { (given) throws(Mistake) in try resolved(given, inherited) }
    contract.ignored = Set(ignored ?? [])
    if let streamID {
      guard streamID.split(separator: "{stream}", omittingEmptySubsequences: false).count == 2 else {
        throw Mistake(
          problem: "contract.stream_id is \"\(streamID)\"",
          next: "write {stream} once, where the stream's name stands in what the services call it")
      }
      contract.streamID = streamID
    }
    contract.fragmentFormats = formats?.fragment.map(Set.init)
    contract.dubFormats = formats?.dub.map(Set.init)
    if let errorCodes { contract.errorCodes = Set(errorCodes) }
    contract.acceptsPartial = partial == .accepted
    contract.allowsFractionalTimes = times != .integer
    contract.sequence = sequence ?? .continues
    return contract
  }

  private func described() throws(Mistake) -> Contract {
    guard let events else { return .standard }
    var forms: [Contract.Event: Contract.Form] = [:]
    for (name, form) in events {
      guard let event = Contract.Event(rawValue: name), let form else { continue }
      forms[event] = described(form, as: event)
    }
    let contract = Contract(events: forms)
    for event in [Contract.Event.fragmentData, .fragmentProcessed] {
      let audio: Contract.AudioFields = event == .fragmentData ? .original : .dubbed
      guard let form = forms[event] else {
        throw Mistake(
          problem: "contract.events has no \(event.rawValue)",
          next: "name the event that carries it: nothing can be judged without")
      }
      guard form.fields.keys.contains(where: { [audio.whole, audio.base64, audio.data].contains($0) }) else {
        throw Mistake(
          problem: "contract.events.\(event.rawValue).fields does not say where the sound is",
          next: "give the path of \(audio.base64.rawValue), or of \(audio.whole.rawValue)")
      }
      guard contract.has(.fragmentID, in: event) || contract.has(.sequenceNumber, in: event) else {
        throw Mistake(
          problem: "contract.events.\(event.rawValue).fields has neither fragment_id nor sequence_number",
          next: "give the path of one: answers cannot be told apart otherwise")
      }
    }
    try requireOneMeaning(of: forms)
    return contract
  }

  private func described(_ form: Form, as event: Contract.Event) -> Contract.Form {
    var described = Contract.Form(standard: event)
    described.name = form.name
    // Unknown keys have been refused when the file was read.
    if let fields = form.fields { described.fields = Self.byField(fields.compactMapValues { $0 }) }
    described.values = Self.byField(form.values ?? [:])
    described.constants = Self.byField(form.constants ?? [:])
    for field in described.constants.keys where form.fields?[field.rawValue] == nil { described.fields[field] = nil }
    return described
  }

  private static func byField<V>(_ named: [String: V]) -> [Contract.Field: V] {
    Dictionary(
      uniqueKeysWithValues: named.compactMap { name, value in Contract.Field(rawValue: name).map { ($0, value) } })
  }

  private func requireOneMeaning(of forms: [Contract.Event: Contract.Form]) throws(Mistake) {
    for (event, form) in forms {
      let same = forms.first {
        $0.key != event && $0.value.name == form.name && !$0.key.directions.isDisjoint(with: event.directions)
      }
      guard let same else { continue }
      let both = [event.rawValue, same.key.rawValue].sorted().joined(separator: " and ")
      throw Mistake(
        problem: "contract.events: \(both) are both called \(form.name)",
        next: "an event's name must tell what it is; where it does not, read events in Swift: Contract.reader")
    }
  }

  private func resolved(_ auth: [String: String], _ inherited: [String: String]) throws(Mistake) -> [String: String] {
    var known = auth
    for (key, value) in auth where value.hasPrefix("$") {
      guard let secret = inherited[String(value.dropFirst())] else {
        throw Mistake(
          problem: "contract.auth.\(key) is to come from the variable \(value.dropFirst()), which is not set",
          next: "set it: what is secret does not belong into a file")
      }
      known[key] = secret
    }
    return known
  }
}
