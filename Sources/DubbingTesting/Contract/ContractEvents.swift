import Foundation

// The events of the contract between worker and speech-to-speech service. Keys that the contract marks with `?` are optional
// here; a missing mandatory key is a contract violation, reported with the key's name.

/// Worker → STS: opens a stream.
public struct StreamInit: Sendable, Hashable, Codable {
  public struct Configuration: Sendable, Hashable, Codable {
    public var sourceLanguage: String
    public var targetLanguage: String
    public var voiceProfile: String
    public var chunkDurationMs: Int
    public var sampleRateHz: Int
    public var channels: Int
    public var format: String

    public init(
      sourceLanguage: String, targetLanguage: String, voiceProfile: String = "default", chunkDurationMs: Int = 6000,
      sampleRateHz: Int = 16000, channels: Int = 1, format: String = "pcm_s16le"
    ) {
      self.sourceLanguage = sourceLanguage
      self.targetLanguage = targetLanguage
      self.voiceProfile = voiceProfile
      self.chunkDurationMs = chunkDurationMs
      self.sampleRateHz = sampleRateHz
      self.channels = channels
      self.format = format
    }

    enum CodingKeys: String, CodingKey {
      case sourceLanguage = "source_language"
      case targetLanguage = "target_language"
      case voiceProfile = "voice_profile"
      case chunkDurationMs = "chunk_duration_ms"
      case sampleRateHz = "sample_rate_hz"
      case channels, format
    }
  }

  public var streamID: String
  public var workerID: String
  public var config: Configuration
  public var maxInflight: Int?
  public var timeoutMs: Int?

  public init(streamID: String, workerID: String, config: Configuration, maxInflight: Int? = nil, timeoutMs: Int? = nil)
  {
    self.streamID = streamID
    self.workerID = workerID
    self.config = config
    self.maxInflight = maxInflight
    self.timeoutMs = timeoutMs
  }

  enum CodingKeys: String, CodingKey {
    case streamID = "stream_id"
    case workerID = "worker_id"
    case config
    case maxInflight = "max_inflight"
    case timeoutMs = "timeout_ms"
  }
}

/// STS → worker: the stream is open.
public struct StreamReady: Sendable, Hashable, Codable {
  public var streamID: String
  public var sessionID: String
  public var maxInflight: Int
  /// The name of what recognises speech, where STS tells it (`capabilities.providers.asr`).
  public var recogniser: String?

  enum CodingKeys: String, CodingKey {
    case streamID = "stream_id"
    case sessionID = "session_id"
    case maxInflight = "max_inflight"
    case recogniser
  }
}

extension StreamReady {
  private struct Capable: Decodable {
    struct Capabilities: Decodable { var providers: [String: String]? }
    var capabilities: Capabilities?
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    streamID = try container.decode(String.self, forKey: .streamID)
    sessionID = try container.decode(String.self, forKey: .sessionID)
    maxInflight = try container.decode(Int.self, forKey: .maxInflight)
    // The contract leaves the form of `capabilities` open: another one is none that is understood, and no violation.
    recogniser = (try? Capable(from: decoder))?.capabilities?.providers?["asr"]
  }
}

/// PCM of one fragment, in either direction.
public struct FragmentAudio: Sendable, Hashable, Codable {
  public var format: String
  public var sampleRateHz: Int
  public var channels: Int
  public var durationMs: Double
  /// Base64 text or a binary attachment, decoded; interleaved samples.
  public var data: Data

  public init(format: String = "pcm_s16le", sampleRateHz: Int, channels: Int, durationMs: Double, data: Data) {
    self.format = format
    self.sampleRateHz = sampleRateHz
    self.channels = channels
    self.durationMs = durationMs
    self.data = data
  }

  enum CodingKeys: String, CodingKey {
    case format, channels
    case sampleRateHz = "sample_rate_hz"
    case durationMs = "duration_ms"
    case data = "data_base64"
    case attachment = "data"
  }

  /// Reads the contract's object, or a bare base64 string: that is what the worker sent, 16 kHz mono.
  public init(from decoder: any Decoder) throws {
    if let bare = try? decoder.singleValueContainer().decode(Data.self) {
      self.init(sampleRateHz: 16000, channels: 1, durationMs: Double(bare.count) / 32, data: bare)
      return
    }
    let container = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      format: try container.decode(String.self, forKey: .format),
      sampleRateHz: try container.decode(Int.self, forKey: .sampleRateHz),
      channels: try container.decode(Int.self, forKey: .channels),
      durationMs: try container.decode(Double.self, forKey: .durationMs),
      data: try container.decode(Data.self, forKey: container.contains(.data) ? .data : .attachment))
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(format, forKey: .format)
    try container.encode(sampleRateHz, forKey: .sampleRateHz)
    try container.encode(channels, forKey: .channels)
    try container.encode(durationMs, forKey: .durationMs)
    try container.encode(data.base64EncodedString(), forKey: .data)
  }

  /// What the declaration and the bytes do not agree on.
  public var problems: [String] {
    guard format == "pcm_s16le" else { return ["format is \(format), not pcm_s16le"] }
    guard sampleRateHz > 0, channels > 0 else { return ["sample_rate_hz \(sampleRateHz), channels \(channels)"] }
    var problems: [String] = []
    if data.count % (2 * channels) != 0 {
      problems.append("\(data.count) bytes are not whole 16-bit samples of \(channels) channels")
    }
    let seconds = Double(data.count / (2 * channels)) / Double(sampleRateHz)
    if abs(seconds * 1000 - durationMs) > 20 {
      problems.append("duration_ms is \(durationMs.rounded()), the samples last \((seconds * 1000).rounded()) ms")
    }
    return problems
  }
}

/// Worker → STS: one fragment of the original.
public struct FragmentData: Sendable, Hashable, Codable {
  public struct Metadata: Sendable, Hashable, Codable {
    /// Presentation time of the first sample in the stream, nanoseconds.
    public var ptsNs: Int64?

    enum CodingKeys: String, CodingKey { case ptsNs = "pts_ns" }
  }

  public var fragmentID: String
  public var streamID: String
  public var sequenceNumber: Int
  /// Unix time, milliseconds.
  public var timestamp: Double
  public var audio: FragmentAudio
  public var metadata: Metadata?

  public init(
    fragmentID: String, streamID: String, sequenceNumber: Int, timestamp: Double, audio: FragmentAudio,
    metadata: Metadata? = nil
  ) {
    self.fragmentID = fragmentID
    self.streamID = streamID
    self.sequenceNumber = sequenceNumber
    self.timestamp = timestamp
    self.audio = audio
    self.metadata = metadata
  }

  enum CodingKeys: String, CodingKey {
    case fragmentID = "fragment_id"
    case streamID = "stream_id"
    case sequenceNumber = "sequence_number"
    case timestamp, audio, metadata
  }
}

/// Either way: a fragment has been queued, is being processed, was received or was applied.
public struct FragmentAck: Sendable, Hashable, Codable {
  public enum Status: String, Sendable, Hashable, Codable { case queued, processing, received, applied }

  public var fragmentID: String
  public var status: Status

  enum CodingKeys: String, CodingKey {
    case fragmentID = "fragment_id"
    case status
  }
}

/// STS → worker: the answer to one fragment.
public struct FragmentProcessed: Sendable, Hashable, Codable {
  public enum Status: String, Sendable, Hashable, Codable { case success, partial, failed }

  public struct StageTimings: Sendable, Hashable, Codable {
    public var asrMs: Double?
    public var translationMs: Double?
    public var ttsMs: Double?

    enum CodingKeys: String, CodingKey {
      case asrMs = "asr_ms"
      case translationMs = "translation_ms"
      case ttsMs = "tts_ms"
    }
  }

  public struct Failure: Sendable, Hashable, Codable {
    public var code: String
    public var message: String
    public var stage: String?
    public var retryable: Bool?

    public init(code: String, message: String, stage: String? = nil, retryable: Bool? = nil) {
      self.code = code
      self.message = message
      self.stage = stage
      self.retryable = retryable
    }
  }

  public var fragmentID: String
  public var streamID: String
  public var sequenceNumber: Int
  public var status: Status
  public var dubbedAudio: FragmentAudio?
  public var transcript: String?
  public var translatedText: String?
  public var targetLanguage: String?
  public var processingTimeMs: Double
  public var stageTimings: StageTimings?
  public var error: Failure?

  enum CodingKeys: String, CodingKey {
    case fragmentID = "fragment_id"
    case streamID = "stream_id"
    case sequenceNumber = "sequence_number"
    case status
    case dubbedAudio = "dubbed_audio"
    case transcript
    case translatedText = "translated_text"
    case targetLanguage = "target_language"
    case processingTimeMs = "processing_time_ms"
    case stageTimings = "stage_timings"
    case error
  }
}

/// Worker → STS: pause, resume or end a stream.
public struct StreamControl: Sendable, Hashable, Codable {
  public var streamID: String
  public var reason: String?

  public init(streamID: String, reason: String? = nil) {
    self.streamID = streamID
    self.reason = reason
  }

  enum CodingKeys: String, CodingKey {
    case streamID = "stream_id"
    case reason
  }
}

/// STS → worker: everything that was sent has been answered.
public struct StreamComplete: Sendable, Hashable, Codable {
  public var streamID: String
  public var totalFragments: Int
  public var totalDurationMs: Double

  enum CodingKeys: String, CodingKey {
    case streamID = "stream_id"
    case totalFragments = "total_fragments"
    case totalDurationMs = "total_duration_ms"
  }
}

/// STS → worker: slow down.
public struct Backpressure: Sendable, Hashable, Codable {
  public enum Severity: String, Sendable, Hashable, Codable { case low, medium, high }
  public enum Action: String, Sendable, Hashable, Codable {
    case slowDown = "slow_down"
    case pause, none
  }

  public var streamID: String
  public var severity: Severity
  public var currentInflight: Int
  public var queueDepth: Int
  public var action: Action

  enum CodingKeys: String, CodingKey {
    case streamID = "stream_id"
    case severity
    case currentInflight = "current_inflight"
    case queueDepth = "queue_depth"
    case action
  }
}

/// STS → worker: something went wrong outside one fragment's answer.
public struct ServiceError: Sendable, Hashable, Codable {
  public var code: String
  public var message: String
  public var severity: String
  public var retryable: Bool
  public var streamID: String?
  public var fragmentID: String?

  enum CodingKeys: String, CodingKey {
    case code, message, severity, retryable
    case streamID = "stream_id"
    case fragmentID = "fragment_id"
  }

  /// The codes that the contract knows.
  public static let codes: Set<String> = [
    "AUTH_FAILED", "STREAM_NOT_FOUND", "INVALID_CONFIG", "FRAGMENT_TOO_LARGE", "TIMEOUT", "MODEL_ERROR", "QUEUE_FULL",
    "INVALID_SEQUENCE", "RATE_LIMIT",
  ]
}
