import Foundation

/// Reads the fields of one event where its form says they are.
///
/// A field that the form does not have reads as empty, 0 or nil; one that it has and that is missing is an error if it must be there.
struct FieldReader {
  /// Why a field cannot be read, as one sentence that names the place.
  struct Problem: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
  }

  var payload: EventPayload
  var form: Contract.Form
  var contract: Contract

  init(payload: EventPayload, form: Contract.Form, contract: Contract) {
    (self.payload, self.form, self.contract) = (payload, form, contract)
  }

  /// Of an event that is told in our words already: its form has the fields that are told.
  init(said: [Contract.Field: JSONValue?], of event: Contract.Event, contract: Contract) {
    let said = said.compactMapValues { $0 }
    let fields = Dictionary(uniqueKeysWithValues: said.keys.map { ($0, $0.rawValue) })
    self.init(payload: EventPayload(), form: .init(event.rawValue, fields: fields), contract: contract)
    // In their order, so that `audio` and `audio.format` side by side are always read the same way.
    for field in said.keys.sorted(by: { $0.rawValue < $1.rawValue }) { payload[field.rawValue] = said[field] }
  }

  func isThere(_ field: Contract.Field) -> Bool { value(field) != nil }

  func value(_ field: Contract.Field) -> JSONValue? {
    if let path = form.fields[field] { return payload[path] }
    return form.constants[field].map { .string($0) }
  }

  func optionalString(_ field: Contract.Field) throws -> String? {
    guard let value = value(field) else { return nil }
    if let meanings = form.values[field], form.fields[field] != nil {
      guard let text = value.scalar, let ours = meanings[text] else {
        throw Problem(
          "\(place(field)) is \(value.scalar ?? value.kind); the contract has \(meanings.keys.sorted().joined(separator: ", "))"
        )
      }
      return ours
    }
    guard case .string(let text) = value else { throw wrong(field, value, "a string") }
    return text
  }

  func string(_ field: Contract.Field) throws -> String { try required(field, optionalString(field), empty: "") }

  /// A string that is one of an enumeration's.
  func choice<T: RawRepresentable & CaseIterable>(_ field: Contract.Field, else empty: T) throws -> T
  where T.RawValue == String {
    guard let text = try required(field, optionalString(field), empty: Optional<String>.none) else { return empty }
    guard let known = T(rawValue: text) else {
      throw Problem(
        "\(place(field)) is \(text); the contract has \(T.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    return known
  }

  func optionalInteger(_ field: Contract.Field) throws -> Int? {
    guard let number = try optionalNumber(field) else { return nil }
    guard let whole = Int(exactly: number) else { throw Problem("\(place(field)) is \(number), not an integer") }
    return whole
  }

  func integer(_ field: Contract.Field) throws -> Int { try required(field, optionalInteger(field), empty: 0) }

  func optionalNumber(_ field: Contract.Field) throws -> Double? {
    switch value(field) {
    case nil: return nil
    case .integer(let whole): return Double(whole)
    case .number(let number): return number
    // Of a constant.
    case .string(let text) where form.fields[field] == nil: return Double(text)
    case let value?: throw wrong(field, value, "a number")
    }
  }

  func number(_ field: Contract.Field) throws -> Double { try required(field, optionalNumber(field), empty: 0) }

  /// Milliseconds; a fraction is an error where the contract allows none.
  func time(_ field: Contract.Field) throws -> Double {
    let time = try number(field)
    guard contract.allowsFractionalTimes || time == time.rounded() else {
      throw Problem("\(place(field)) is \(time), not an integer")
    }
    return time
  }

  func optionalBool(_ field: Contract.Field) throws -> Bool? {
    switch value(field) {
    case nil: return nil
    case .bool(let value): return value
    case .string(let text) where form.fields[field] == nil: return text == "true"
    case let value?: throw wrong(field, value, "a truth value")
    }
  }

  func bool(_ field: Contract.Field) throws -> Bool { try required(field, optionalBool(field), empty: false) }

  func stream() throws -> String { contract.streamName(try string(.streamID)) }

  func optionalStream() throws -> String? { try optionalString(.streamID).map(contract.streamName) }

  // MARK: Audio

  /// A piece of audio; nil where none of its fields is there. What its form does not have is empty, for `Contract.observed(_:)` to fill in.
  func optionalAudio(_ fields: Contract.AudioFields) throws -> FragmentAudio? {
    if let whole = value(fields.whole), let data = bytes(whole) {
      return FragmentAudio(format: "", sampleRateHz: 0, channels: 0, durationMs: 0, data: data)
    }
    if case .string(let text)? = value(fields.whole) {
      throw Problem("\(place(fields.whole)): \(text.count) characters that are not base64")
    }
    guard fields.all.contains(where: { form.fields[$0] != nil && isThere($0) }) else { return nil }
    let format = try string(fields.format)
    let sampleRate = try integer(fields.sampleRate)
    let channels = try integer(fields.channels)
    let duration = try number(fields.duration)
    return FragmentAudio(
      format: format, sampleRateHz: sampleRate, channels: channels, durationMs: duration, data: try data(fields))
  }

  func audio(_ fields: Contract.AudioFields) throws -> FragmentAudio {
    guard let audio = try optionalAudio(fields) else {
      throw Problem("\(place(dataField(of: fields) ?? fields.whole)) is missing")
    }
    return audio
  }

  /// The field in which the bytes are, or would have to be.
  func dataField(of fields: Contract.AudioFields) -> Contract.Field? {
    let known = [fields.base64, fields.data, fields.whole].filter { form.fields[$0] != nil }
    return known.first { field in value(field).map { bytes($0) != nil || $0.scalar != nil } ?? false } ?? known.first
  }

  private func data(_ fields: Contract.AudioFields) throws -> Data {
    guard let field = dataField(of: fields), let value = value(field) else {
      throw Problem("\(place(dataField(of: fields) ?? fields.base64)) is missing")
    }
    guard let data = bytes(value) else {
      throw Problem(
        "\(place(field)): \(value.scalar.map { "\($0.count) characters that are not base64" } ?? value.kind)")
    }
    return data
  }

  private func bytes(_ value: JSONValue) -> Data? {
    switch value {
    case .data(let data): data
    case .string(let text): Data(base64Encoded: text)
    default: nil
    }
  }

  // MARK: What is wrong

  private func place(_ field: Contract.Field) -> String { form.fields[field] ?? field.rawValue }

  private func required<T>(_ field: Contract.Field, _ value: T?, empty: T) throws -> T {
    if let value { return value }
    guard form.fields[field] == nil else { throw Problem("\(place(field)) is missing") }
    return empty
  }

  private func wrong(_ field: Contract.Field, _ value: JSONValue, _ wanted: String) -> Problem {
    Problem("\(place(field)) is \(value.kind), not \(wanted)")
  }
}
