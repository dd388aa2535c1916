#if LibAV
  import CLibAV
  import Synchronization

  #if canImport(Glibc)
    import Glibc
  #elseif canImport(Darwin)
    import Darwin
  #elseif canImport(Musl)
    import Musl
  #endif

  /// What FFmpeg's libraries print while one file is decoded.
  ///
  /// They have one log for a whole process. Decoders run with one thread each, so a line belongs to the decoder that runs on its thread.
  final class LibAVLog {
    private var kept: [String] = []
    private static let limit = 1000

    /// Line by line, in order, also while they are collected.
    var lines: [String] { kept + (Self.collected.withLock { $0[Self.thread] } ?? []) }

    func add(_ line: String) { if kept.count < Self.limit { kept.append(line) } }

    /// Runs the body, and keeps what is printed on this thread meanwhile.
    func collecting<R>(_ body: () throws -> R) rethrows -> R {
      _ = Self.callback
      let thread = Self.thread
      Self.collected.withLock { $0[thread] = [] }
      defer {
        let found = Self.collected.withLock { $0.removeValue(forKey: thread) } ?? []
        for line in found { add(line) }
      }
      return try body()
    }

    /// By thread, the lines of what runs on it.
    private static let collected = Mutex<[UInt: [String]]>([:])
    private static var thread: UInt {
      #if canImport(Darwin)
        UInt(bitPattern: pthread_self())
      #else
        UInt(pthread_self())
      #endif
    }

    /// Set once. Other users of the libraries in this process print as before.
    private static let callback: Void = av_log_set_callback { context, level, format, arguments in
      guard let arguments else { return }
      let thread = LibAVLog.thread
      guard LibAVLog.collected.withLock({ $0[thread] != nil }) else {
        return av_log_default_callback(context, level, format, arguments)
      }
      guard level <= AV_LOG_ERROR else { return }
      var line = [CChar](repeating: 0, count: 512)
      var isNew: Int32 = 1
      av_log_format_line(context, level, format, arguments, &line, Int32(line.count), &isNew)
      let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      LibAVLog.collected.withLock { collected in
        if collected[thread, default: []].count < LibAVLog.limit { collected[thread]?.append(text) }
      }
    }
  }

  /// Ends a call into the libraries that takes too long.
  final class LibAVDeadline {
    private var end = ContinuousClock.now

    var isOver: Bool { ContinuousClock.now > end }

    func start(seconds: Double) { end = ContinuousClock.now + .seconds(seconds) }

    /// Asked by the libraries whenever they may wait. The decoder owns both this and what asks.
    var callback: AVIOInterruptCB {
      AVIOInterruptCB(
        callback: { Unmanaged<LibAVDeadline>.fromOpaque($0!).takeUnretainedValue().isOver ? 1 : 0 },
        opaque: Unmanaged.passUnretained(self).toOpaque())
    }
  }
#endif
