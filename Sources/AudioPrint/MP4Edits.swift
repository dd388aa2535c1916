#if LibAV
  #if canImport(Glibc)
    import Glibc
  #elseif canImport(Darwin)
    import Darwin
  #elseif canImport(Musl)
    import Musl
  #endif

  /// The lists of edits of an MP4's audio tracks (ISO/IEC 14496-12, 8.6.6), as far as they cost memory.
  ///
  /// libavformat follows whatever list there is, for which it has the index of the file twice while it opens it: 24 bytes a frame, 40 MB for
  /// ten hours of AAC. What an encoder writes, one edit that leaves out the samples that only prime the decoder, it can do without.
  final class MP4Edits {
    private let file: UnsafeMutablePointer<FILE>
    private var tracks: [Track] = []
    private var movieScale = 0
    private var isFragmented = false
    private var (boxes, depth) = (0, 0)

    private struct Track {
      var isAudio = false
      var isAAC = false
      /// Units of a second, and length in them, of the track.
      var (scale, length) = (0, 0)
      var rate = 0
      var edits: [Edit] = []
    }

    private struct Edit { var (length, start, speed): (Int, Int, Int) }

    /// More than an index of so many tracks has; a damaged file may say anything.
    private static let mostBoxes = 10_000
    /// Samples that encoders put before the sound, at most.
    private static let mostPriming = 4096
    /// One, as a number of 16 bits and as many after the point.
    private static let normalSpeed = 1 << 16

    /// Whether a file is an MP4 whose audio tracks have no list, or one that only leaves out a beginning; false if that cannot be told.
    static func onlyPrime(_ path: String) -> Bool { MP4Edits(path)?.onlyPrime ?? false }

    private init?(_ path: String) {
      guard MediaFile(path: path).beginsAsMP4, let file = fopen(path, "rb") else { return nil }
      self.file = file
      fseek(file, 0, SEEK_END)
      read(from: 0, to: ftell(file))
    }

    deinit { fclose(file) }

    private var onlyPrime: Bool {
      let audio = tracks.filter(\.isAudio)
      return !isFragmented && movieScale > 0 && !audio.isEmpty && audio.allSatisfy(isPrimedOnly)
    }

    private func isPrimedOnly(_ track: Track) -> Bool {
      guard track.isAAC, track.scale > 0, track.scale == track.rate, track.edits.count <= 1 else { return false }
      guard let edit = track.edits.first else { return true }
      // It must reach the track's end, but for what is lost between the units of the movie and those of the track.
      let end = Double(edit.start) / Double(track.scale) + Double(edit.length + 1) / Double(movieScale)
      return edit.speed == Self.normalSpeed && 0...Self.mostPriming ~= edit.start
        && end >= Double(track.length) / Double(track.scale)
    }

    // MARK: Boxes

    private func read(from start: Int, to end: Int) {
      depth += 1
      defer { depth -= 1 }
      // moov, trak, mdia, minf, stbl and what is in it.
      guard depth <= 6 else { return }
      var place = start
      while place + 8 <= end, boxes < Self.mostBoxes {
        boxes += 1
        let header = bytes(at: place, 16)
        guard header.count >= 8 else { return }
        var (size, body) = (Self.number(header, 0, 4), place + 8)
        if size == 1, header.count == 16 { (size, body) = (Self.number(header, 8, 8), place + 16) }
        if size == 0 { size = end - place }
        guard size >= body - place, size <= end - place else { return }
        take(String(decoding: header[4..<8], as: UTF8.self), from: body, to: place + size)
        place += size
      }
    }

    private func take(_ name: String, from body: Int, to end: Int) {
      switch name {
      case "moov", "mdia", "minf", "stbl", "edts": read(from: body, to: end)
      case "trak":
        tracks.append(Track())
        read(from: body, to: end)
      case "mvex", "moof": isFragmented = true
      case "mvhd": movieScale = scaleAndLength(bytes(at: body, 32)).scale
      default:
        guard !tracks.isEmpty else { return }
        describe(&tracks[tracks.count - 1], name, bytes(at: body, min(64, end - body)))
      }
    }

    private func describe(_ track: inout Track, _ name: String, _ bytes: [UInt8]) {
      switch name {
      case "mdhd": (track.scale, track.length) = scaleAndLength(bytes)
      case "hdlr": track.isAudio = bytes.dropFirst(8).starts(with: "soun".utf8)
      case "stsd":
        track.isAAC = Self.number(bytes, 4, 4) == 1 && bytes.dropFirst(12).starts(with: "mp4a".utf8)
        track.rate = Self.number(bytes, 40, 2)
      case "elst":
        // Of more than two it is enough to know that.
        let isLong = bytes.first == 1
        let width = isLong ? 8 : 4
        track.edits = (0..<min(2, Self.number(bytes, 4, 4))).map { index in
          let place = 8 + index * (2 * width + 4)
          return Edit(
            length: Self.number(bytes, place, width), start: Self.number(bytes, place + width, width),
            speed: Self.number(bytes, place + 2 * width, 4))
        }
      default: break
      }
    }

    private func scaleAndLength(_ bytes: [UInt8]) -> (scale: Int, length: Int) {
      bytes.first == 1
        ? (Self.number(bytes, 20, 4), Self.number(bytes, 24, 8))
        : (Self.number(bytes, 12, 4), Self.number(bytes, 16, 4))
    }

    /// Unsigned, and no more than half of what 64 bits hold; 0 of what is not there.
    private static func number(_ bytes: [UInt8], _ place: Int, _ width: Int) -> Int {
      guard place + width <= bytes.count else { return 0 }
      let value = bytes[place..<place + width].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      return Int(min(value, UInt64(Int.max / 2)))
    }

    private func bytes(at place: Int, _ count: Int) -> [UInt8] {
      guard count > 0, fseek(file, place, SEEK_SET) == 0 else { return [] }
      return [UInt8](unsafeUninitializedCapacity: count) { $1 = fread($0.baseAddress, 1, count, file) }
    }
  }
#endif
