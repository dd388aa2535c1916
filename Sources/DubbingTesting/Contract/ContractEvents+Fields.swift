import Foundation

// What each event says, field by field.

extension StreamInit {
  init(_ fields: FieldReader) throws {
    let config = Configuration(
      sourceLanguage: try fields.string(.sourceLanguage), targetLanguage: try fields.string(.configTargetLanguage),
      voiceProfile: try fields.string(.voiceProfile), chunkDurationMs: try fields.integer(.chunkDuration),
      sampleRateHz: try fields.integer(.sampleRate), channels: try fields.integer(.channels),
      format: try fields.string(.format))
    self.init(
      streamID: try fields.stream(), workerID: try fields.string(.workerID), config: config,
      maxInflight: try fields.optionalInteger(.maxInflight), timeoutMs: try fields.optionalInteger(.timeout))
  }
}

extension StreamReady {
  init(_ fields: FieldReader) throws {
    self.init(
      streamID: try fields.stream(), sessionID: try fields.string(.sessionID),
      maxInflight: try fields.integer(.maxInflight))
    // The contract leaves the form of `capabilities` open: another one is none that is understood, and no violation.
    if case .string(let name)? = fields.value(.recogniser) { recogniser = name }
  }
}

extension FragmentData {
  init(_ fields: FieldReader) throws {
    let presentation = try fields.optionalInteger(.presentationTime)
    self.init(
      fragmentID: try fields.string(.fragmentID), streamID: try fields.stream(),
      sequenceNumber: try fields.integer(.sequenceNumber), timestamp: Int64(try fields.time(.timestamp)),
      audio: try fields.audio(.original), metadata: presentation.map { Metadata(ptsNs: Int64($0)) })
  }
}

extension FragmentAck {
  init(_ fields: FieldReader) throws {
    self.init(
      fragmentID: try fields.string(.fragmentID), status: try fields.choice(.status, else: .queued),
      sequenceNumber: try fields.optionalInteger(.sequenceNumber))
  }
}

extension FragmentProcessed {
  init(_ fields: FieldReader) throws {
    self.init(
      fragmentID: try fields.string(.fragmentID), streamID: try fields.stream(),
      sequenceNumber: try fields.integer(.sequenceNumber), status: try fields.choice(.status, else: .success),
      dubbedAudio: try fields.optionalAudio(.dubbed), transcript: try fields.optionalString(.transcript),
      translatedText: try fields.optionalString(.translatedText),
      targetLanguage: try fields.optionalString(.targetLanguage),
      processingTimeMs: try fields.number(.processingTime), stageTimings: try StageTimings(fields),
      error: try Failure(fields))
  }
}

extension FragmentProcessed.StageTimings {
  fileprivate init?(_ fields: FieldReader) throws {
    asrMs = try fields.optionalNumber(.recognitionTime)
    translationMs = try fields.optionalNumber(.translationTime)
    ttsMs = try fields.optionalNumber(.synthesisTime)
    if asrMs == nil, translationMs == nil, ttsMs == nil { return nil }
  }
}

extension FragmentProcessed.Failure {
  fileprivate init?(_ fields: FieldReader) throws {
    guard fields.isThere(.errorCode) || fields.isThere(.errorMessage) else { return nil }
    self.init(
      code: try fields.string(.errorCode), message: try fields.string(.errorMessage),
      stage: try fields.optionalString(.errorStage), retryable: try fields.optionalBool(.errorRetryable))
  }
}

extension StreamControl {
  init(_ fields: FieldReader) throws {
    self.init(streamID: try fields.stream(), reason: try fields.optionalString(.reason))
  }
}

extension StreamComplete {
  init(_ fields: FieldReader) throws {
    self.init(
      streamID: try fields.stream(), totalFragments: try fields.integer(.totalFragments),
      totalDurationMs: try fields.number(.totalDuration))
  }
}

extension Backpressure {
  init(_ fields: FieldReader) throws {
    self.init(
      streamID: try fields.stream(), severity: try fields.choice(.severity, else: .medium),
      currentInflight: try fields.integer(.currentInflight), queueDepth: try fields.integer(.queueDepth),
      action: try fields.choice(.action, else: .slowDown),
      recommendedDelayMs: try fields.optionalNumber(.recommendedDelay))
  }
}

extension ServiceError {
  init(_ fields: FieldReader) throws {
    self.init(
      code: try fields.string(.code), message: try fields.string(.message), severity: try fields.string(.severity),
      retryable: try fields.bool(.retryable), streamID: try fields.optionalStream(),
      fragmentID: try fields.optionalString(.fragmentID))
  }
}
