extension Contract {
  /// The events of a dubbing contract, by the names that this package's own services use.
  public enum Event: String, Sendable, Hashable, CaseIterable {
    case streamInit = "stream:init"
    case streamReady = "stream:ready"
    case fragmentData = "fragment:data"
    case fragmentAck = "fragment:ack"
    case fragmentProcessed = "fragment:processed"
    case streamPause = "stream:pause"
    case streamResume = "stream:resume"
    case streamEnd = "stream:end"
    case streamComplete = "stream:complete"
    case backpressure
    case error

    /// Which ways it may go.
    package var directions: Set<ObservedEvent.Direction> {
      switch self {
      case .streamInit, .fragmentData, .streamPause, .streamResume, .streamEnd: [.toSTS]
      case .streamReady, .fragmentProcessed, .streamComplete, .backpressure, .error: [.toWorker]
      case .fragmentAck: [.toSTS, .toWorker]
      }
    }

    /// What it may say.
    package var fields: [Field] {
      switch self {
      case .streamInit:
        [
          .streamID, .workerID, .sourceLanguage, .configTargetLanguage, .voiceProfile, .chunkDuration, .sampleRate,
          .channels, .format, .maxInflight, .timeout,
        ]
      case .streamReady: [.streamID, .sessionID, .maxInflight, .recogniser]
      case .fragmentData:
        [.fragmentID, .streamID, .sequenceNumber, .timestamp, .presentationTime] + AudioFields.original.all
      case .fragmentAck: [.fragmentID, .streamID, .sequenceNumber, .status]
      case .fragmentProcessed:
        [
          .fragmentID, .streamID, .sequenceNumber, .status, .transcript, .translatedText, .targetLanguage,
          .processingTime, .recognitionTime, .translationTime, .synthesisTime, .errorCode, .errorMessage, .errorStage,
          .errorRetryable,
        ] + AudioFields.dubbed.all
      case .streamPause, .streamResume, .streamEnd: [.streamID, .reason]
      case .streamComplete: [.streamID, .totalFragments, .totalDuration]
      case .backpressure: [.streamID, .severity, .currentInflight, .queueDepth, .action, .recommendedDelay]
      case .error: [.code, .message, .severity, .retryable, .streamID, .fragmentID]
      }
    }
  }

  /// What an event says, by the dotted path at which this package's own services say it.
  public enum Field: String, Sendable, Hashable, CaseIterable {
    case streamID = "stream_id"
    case workerID = "worker_id"
    case sessionID = "session_id"
    case sourceLanguage = "config.source_language"
    case configTargetLanguage = "config.target_language"
    case voiceProfile = "config.voice_profile"
    case chunkDuration = "config.chunk_duration_ms"
    case sampleRate = "config.sample_rate_hz"
    case channels = "config.channels"
    case format = "config.format"
    case maxInflight = "max_inflight"
    case timeout = "timeout_ms"
    case recogniser = "capabilities.providers.asr"

    case fragmentID = "fragment_id"
    case sequenceNumber = "sequence_number"
    case timestamp
    case presentationTime = "metadata.pts_ns"
    /// The audio itself, base64 or an attachment, where it stands alone.
    case audio
    case audioFormat = "audio.format"
    case audioSampleRate = "audio.sample_rate_hz"
    case audioChannels = "audio.channels"
    case audioDuration = "audio.duration_ms"
    case audioBase64 = "audio.data_base64"
    case audioData = "audio.data"

    case status
    /// The dub itself, base64 or an attachment, where it stands alone.
    case dubbedAudio = "dubbed_audio"
    case dubbedFormat = "dubbed_audio.format"
    case dubbedSampleRate = "dubbed_audio.sample_rate_hz"
    case dubbedChannels = "dubbed_audio.channels"
    case dubbedDuration = "dubbed_audio.duration_ms"
    case dubbedBase64 = "dubbed_audio.data_base64"
    case dubbedData = "dubbed_audio.data"
    case transcript
    case translatedText = "translated_text"
    case targetLanguage = "target_language"
    case processingTime = "processing_time_ms"
    case recognitionTime = "stage_timings.asr_ms"
    case translationTime = "stage_timings.translation_ms"
    case synthesisTime = "stage_timings.tts_ms"
    case errorCode = "error.code"
    case errorMessage = "error.message"
    case errorStage = "error.stage"
    case errorRetryable = "error.retryable"

    case reason
    case totalFragments = "total_fragments"
    case totalDuration = "total_duration_ms"
    case severity
    case currentInflight = "current_inflight"
    case queueDepth = "queue_depth"
    case action
    case recommendedDelay = "recommended_delay_ms"
    case code
    case message
    case retryable
  }

  /// The fields of a piece of audio in one of its two directions.
  package struct AudioFields: Sendable {
    var whole: Field
    var format: Field
    var sampleRate: Field
    var channels: Field
    var duration: Field
    var base64: Field
    var data: Field

    static let original = AudioFields(
      whole: .audio, format: .audioFormat, sampleRate: .audioSampleRate, channels: .audioChannels,
      duration: .audioDuration, base64: .audioBase64, data: .audioData)
    static let dubbed = AudioFields(
      whole: .dubbedAudio, format: .dubbedFormat, sampleRate: .dubbedSampleRate, channels: .dubbedChannels,
      duration: .dubbedDuration, base64: .dubbedBase64, data: .dubbedData)

    var all: [Field] { [whole, format, sampleRate, channels, duration, base64, data] }
  }
}
