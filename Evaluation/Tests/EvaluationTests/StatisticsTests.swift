import Testing

@testable import Evaluation

@Suite("Statistics of two kinds of scores")
struct StatisticsTests {
  @Test("The area under the curve is the share of pairs in the right order, ties counting half")
  func area() {
    #expect(Statistics.areaUnderCurve(positive: [0.8, 0.9], negative: [0.1, 0.2]) == 1)
    #expect(Statistics.areaUnderCurve(positive: [0.1, 0.2], negative: [0.8, 0.9]) == 0)
    #expect(Statistics.areaUnderCurve(positive: [0.5], negative: [0.5]) == 0.5)
    // Of the pairs (1, 0.5), (1, 2), (3, 0.5), (3, 2) three are in order.
    #expect(Statistics.areaUnderCurve(positive: [1, 3], negative: [0.5, 2]) == 0.75)
    #expect(Statistics.areaUnderCurve(positive: [], negative: [1]).isNaN)
  }

  @Test("The equal error rate is where as many are refused as accepted")
  func equalErrors() {
    #expect(Statistics.equalErrorRate(positive: [0.8, 0.9], negative: [0.1, 0.2]) == 0)
    #expect(Statistics.equalErrorRate(positive: [0.2, 0.6, 0.7, 0.8], negative: [0.1, 0.1, 0.1, 0.65]) == 0.25)
    #expect(Statistics.equalErrorRate(positive: [0.1], negative: [0.9]) == 1)
  }

  @Test("The threshold separates what can be separated, half-way between the scores")
  func threshold() {
    #expect(Statistics.threshold(positive: [0.75, 1], negative: [0, 0.25]) == 0.5)
    let mixed = Statistics.threshold(positive: [0.25, 0.75, 1], negative: [0, 0.1, 0.5])
    #expect(mixed == 0.175 || mixed == 0.625)
  }

  @Test("A quantile is one of the values, and none of none")
  func quantile() {
    #expect(Statistics.quantile([3, 1, 2], 0.5) == 2)
    #expect(Statistics.quantile([3, 1, 2], 0.95) == 3)
    #expect(Statistics.quantile([3, 1, 2], 0) == 1)
    #expect(Statistics.quantile([], 0.5).isNaN)
  }
}
