import Foundation

/// Something that our side says, or changes: what each of its fields is.
package protocol ContractEvent: Hashable, Sendable {
  /// Nil: the field is left out.
  func fields(in contract: Contract) -> [(Contract.Field, JSONValue?)]
  /// The audio among its fields, if it has any.
  var audioFields: Contract.AudioFields? { get }
  var sound: FragmentAudio? { get }
}

extension ContractEvent {
  package var audioFields: Contract.AudioFields? { nil }
  package var sound: FragmentAudio? { nil }
}

extension Contract {
  /// An event of ours, in the worker's or a client's words.
  ///
  /// - Returns: the name and the arguments for `SocketIOClient.emit(_:arguments:)`; nil where they have no such event.
  package func message(_ event: StreamInit) -> (name: String, arguments: [JSONValue])? {
    message(.streamInit, event)
  }

  /// A fragment in the worker's words.
  package func message(_ event: FragmentData) -> (name: String, arguments: [JSONValue])? {
    message(.fragmentData, event)
  }

  /// Pausing, resuming or ending a stream, in the worker's words.
  package func message(_ event: Event, _ control: StreamControl) -> (name: String, arguments: [JSONValue])? {
    message(event, control as any ContractEvent)
  }

  private func message(
    _ event: Event, _ content: any ContractEvent
  ) -> (name: String, arguments: [JSONValue])? {
    guard let form = events[event] else { return nil }
    var payload = EventPayload(arguments: [.object([:])])
    write(content, as: form, over: nil, into: &payload)
    for (field, text) in form.constants where form.fields[field] != nil {
      payload[form.fields[field] ?? ""] = .string(text)
    }
    return (form.name, payload.arguments)
  }

  /// Writes the fields in which `new` differs from `old`, and touches nothing else.
  package func write<E: ContractEvent>(_ new: E, over old: E?, as event: Event, into payload: inout EventPayload) {
    guard let form = events[event] else { return }
    write(new, as: form, over: old, into: &payload)
  }

  private func write(
    _ new: any ContractEvent, as form: Form, over old: (any ContractEvent)?, into payload: inout EventPayload
  ) {
    let known = Dictionary(uniqueKeysWithValues: old?.fields(in: self) ?? [])
    for (field, value) in new.fields(in: self) {
      guard let path = form.fields[field] else { continue }
      if let before = known[field], before == value { continue }
      payload[path] = theirs(value, field, form)
    }
    if let audio = new.audioFields, old == nil || new.sound != old?.sound {
      write(new.sound, audio, instead: old?.sound, form, into: &payload)
    }
  }

  private func theirs(_ value: JSONValue?, _ field: Field, _ form: Form) -> JSONValue? {
    guard let meanings = form.values[field], let text = value?.scalar else { return value }
    return meanings.filter { $0.value == text }.keys.sorted().first.map { .string($0) } ?? value
  }

  private func write(
    _ new: FragmentAudio?, _ fields: AudioFields, instead old: FragmentAudio?, _ form: Form,
    into payload: inout EventPayload
  ) {
    guard let new else {
      for field in fields.all { if let path = form.fields[field] { payload[path] = nil } }
      return
    }
    let reader = FieldReader(payload: payload, form: form, contract: self)
    let dataField = reader.dataField(of: fields)
    let isBare = dataField == fields.whole
    let declared: [(Field, JSONValue, Bool)] = [
      (fields.format, .string(new.format), new.format == old?.format),
      (fields.sampleRate, .integer(Int64(new.sampleRateHz)), new.sampleRateHz == old?.sampleRateHz),
      (fields.channels, .integer(Int64(new.channels)), new.channels == old?.channels),
      (
        fields.duration, .milliseconds(new.durationMs, whole: !allowsFractionalTimes), new.durationMs == old?.durationMs
      ),
    ]
    if !isBare {
      for (field, value, isSame) in declared where !isSame {
        if let path = form.fields[field] { payload[path] = theirs(value, field, form) }
      }
    }
    guard new.data != old?.data, let dataField, let path = form.fields[dataField] else { return }
    // As it was: an attachment stays one. Of what is new, the field whose name says base64 is text.
    let isAttachment =
      if case .data = payload[path] { true } else { old == nil && dataField != fields.base64 }
    payload[path] = isAttachment ? .data(new.data) : .string(new.data.base64EncodedString())
  }
}

extension JSONValue {
  static func milliseconds(_ value: Double, whole: Bool) -> Self {
    whole || value == value.rounded() ? .integer(Int64(value.rounded())) : .number(value)
  }

  fileprivate static func text(_ text: String?) -> Self? { text.map { .string($0) } }
  fileprivate static func whole(_ number: Int?) -> Self? { number.map { .integer(Int64($0)) } }
}

extension StreamInit: ContractEvent {
  package func fields(in contract: Contract) -> [(Contract.Field, JSONValue?)] {
    [
      (.streamID, .string(contract.streamText(streamID))), (.workerID, .string(workerID)),
      (.sourceLanguage, .string(config.sourceLanguage)), (.configTargetLanguage, .string(config.targetLanguage)),
      (.voiceProfile, .string(config.voiceProfile)), (.chunkDuration, .whole(config.chunkDurationMs)),
      (.sampleRate, .whole(config.sampleRateHz)), (.channels, .whole(config.channels)),
      (.format, .string(config.format)), (.maxInflight, .whole(maxInflight)), (.timeout, .whole(timeoutMs)),
    ]
  }
}

extension FragmentData: ContractEvent {
  package func fields(in contract: Contract) -> [(Contract.Field, JSONValue?)] {
    [
      (.fragmentID, .string(fragmentID)), (.streamID, .string(contract.streamText(streamID))),
      (.sequenceNumber, .whole(sequenceNumber)), (.timestamp, .integer(timestamp)),
      (.presentationTime, metadata?.ptsNs.map { .integer($0) }),
    ]
  }

  package var audioFields: Contract.AudioFields? { .original }
  package var sound: FragmentAudio? { audio }
}

extension FragmentProcessed: ContractEvent {
  package func fields(in contract: Contract) -> [(Contract.Field, JSONValue?)] {
    func time(_ value: Double?) -> JSONValue? {
      value.map { .milliseconds($0, whole: !contract.allowsFractionalTimes) }
    }
    return [
      (.fragmentID, .string(fragmentID)), (.streamID, .string(contract.streamText(streamID))),
      (.sequenceNumber, .whole(sequenceNumber)), (.status, .string(status.rawValue)), (.transcript, .text(transcript)),
      (.translatedText, .text(translatedText)), (.targetLanguage, .text(targetLanguage)),
      (.processingTime, time(processingTimeMs)), (.recognitionTime, time(stageTimings?.asrMs)),
      (.translationTime, time(stageTimings?.translationMs)), (.synthesisTime, time(stageTimings?.ttsMs)),
      (.errorCode, .text(error?.code)), (.errorMessage, .text(error?.message)), (.errorStage, .text(error?.stage)),
      (.errorRetryable, error?.retryable.map { .bool($0) }),
    ]
  }

  package var audioFields: Contract.AudioFields? { .dubbed }
  package var sound: FragmentAudio? { dubbedAudio }
}

extension StreamControl: ContractEvent {
  package func fields(in contract: Contract) -> [(Contract.Field, JSONValue?)] {
    [(.streamID, .string(contract.streamText(streamID))), (.reason, .text(reason))]
  }
}
