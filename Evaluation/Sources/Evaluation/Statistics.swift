/// How well a score (higher: more likely the original) separates two kinds.
enum Statistics {
  /// Area under the ROC curve: chance that a positive scores above a negative, ties counting half (Mann & Whitney).
  static func areaUnderCurve(positive: [Double], negative: [Double]) -> Double {
    let all = (positive.map { ($0, true) } + negative.map { ($0, false) }).sorted { $0.0 < $1.0 }
    var (ranks, index) = (0.0, 0)
    while index < all.count {
      var next = index
      while next < all.count, all[next].0 == all[index].0 { next += 1 }
      let rank = Double(index + next + 1) / 2
      ranks += rank * Double(all[index..<next].filter(\.1).count)
      index = next
    }
    let (p, n) = (Double(positive.count), Double(negative.count))
    return (ranks - p * (p + 1) / 2) / (p * n)
  }

  /// Rate at which the shares of refused positives and accepted negatives are equal.
  static func equalErrorRate(positive: [Double], negative: [Double]) -> Double {
    let (p, n) = (positive.sorted(), negative.sorted())
    var best = (gap: Double.infinity, rate: 1.0)
    for threshold in Set(p + n + [1.1]).sorted() {
      let (refused, accepted) = rates(p, n, threshold)
      if abs(refused - accepted) < best.gap { best = (abs(refused - accepted), (refused + accepted) / 2) }
    }
    return best.rate
  }

  /// The threshold with the fewest errors of both kinds, half-way between the scores at which it lies.
  static func threshold(positive: [Double], negative: [Double]) -> Double {
    let (p, n) = (positive.sorted(), negative.sorted())
    let values = Set(p + n).sorted()
    var best = (rate: Double.infinity, threshold: 0.5)
    for (low, high) in zip(values, values.dropFirst()) {
      let (refused, accepted) = rates(p, n, (low + high) / 2)
      if refused + accepted < best.rate { best = (refused + accepted, (low + high) / 2) }
    }
    return best.threshold
  }

  static func quantile(_ values: [Double], _ share: Double) -> Double {
    guard !values.isEmpty else { return .nan }
    return values.sorted()[min(values.count - 1, Int(share * Double(values.count)))]
  }

  /// Shares of sorted positives below and sorted negatives at or above a threshold.
  private static func rates(_ positive: [Double], _ negative: [Double], _ threshold: Double) -> (Double, Double) {
    let refused = below(positive, threshold)
    let accepted = negative.count - below(negative, threshold)
    return (Double(refused) / Double(max(1, positive.count)), Double(accepted) / Double(max(1, negative.count)))
  }

  private static func below(_ sorted: [Double], _ value: Double) -> Int {
    var (low, high) = (0, sorted.count)
    while low < high {
      let middle = (low + high) / 2
      if sorted[middle] < value { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
