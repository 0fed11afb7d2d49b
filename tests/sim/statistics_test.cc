// tests/sim/statistics_test.cc -- lags to the microsecond, and the digest that a page is drawn from.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "sim/digest.h"
#include "sim/statistics.h"

namespace kith::test {
namespace {

using namespace kith::sim;

Recording of_nodes(std::size_t count) {
  Recording recording;
  for (std::size_t i = 0; i < count; ++i) recording.nodes.push_back("n" + std::to_string(i + 1));
  recording.end_us = 10'000'000;
  return recording;
}

Recording::Sample sample_at(std::int64_t at_us, std::vector<std::uint8_t> up) {
  Recording::Sample sample;
  sample.at_us = at_us;
  sample.bytes_sent.assign(up.size(), 0);
  sample.messages_sent.assign(up.size(), 0);
  sample.store_bytes.assign(up.size(), 0);
  sample.up = std::move(up);
  sample.distinct_by_bucket.fill(1);
  return sample;
}

TEST_CASE("statistics: percentiles are those of nearest rank (against sorting)") {
  std::mt19937_64 draw(7);
  for (const std::size_t size : {1U, 2U, 3U, 99U, 100U, 101U, 1'000U}) {
    for (const std::uint64_t never : {0U, 1U, 7U, 500U}) {
      std::vector<std::int64_t> lags(size);
      for (std::int64_t& lag : lags) lag = static_cast<std::int64_t>(draw() >> (24 + draw() % 40));
      std::vector<std::int64_t> sorted = lags;
      std::sort(sorted.begin(), sorted.end());
      const auto expected = [&](std::uint64_t hundredths) {
        const std::uint64_t rank = (hundredths * (size + never) + 99) / 100;
        return rank > size ? kNever : sorted[rank - 1];
      };
      const Distribution of = distribution_of(lags, never);
      CHECK(of.count == size + never);
      CHECK(of.p50_us == expected(50));
      CHECK(of.p90_us == expected(90));
      CHECK(of.p99_us == expected(99));
      CHECK(of.max_us == sorted.back());

      CHECK(of.curve.size() <= kCurvePoints);
      CHECK(of.curve.back().lag_us == sorted.back());
      for (const Distribution::Point& point : of.curve) {
        const auto at_most = std::upper_bound(sorted.begin(), sorted.end(), point.lag_us) - sorted.begin();
        CHECK(point.share == doctest::Approx(static_cast<double>(at_most) / static_cast<double>(size + never)));
      }
    }
  }
}

TEST_CASE("statistics: of nothing there are no percentiles") {
  std::vector<std::int64_t> none;
  for (const std::uint64_t never : {0U, 3U}) {
    const Distribution of = distribution_of(none, never);
    CHECK(of.count == never);
    CHECK(of.p50_us == kNever);
    CHECK(of.max_us == kNever);
    CHECK(of.curve.empty());
  }
}

TEST_CASE("statistics: lags to half of the nodes, to each, and to the last (by hand)") {
  Recording recording = of_nodes(4);
  recording.writes.push_back({1'000, 0, {1'000, 1'100, 1'200, 1'900}});
  recording.writes.push_back({5'000, 2, {5'050, 5'010, 5'000, 5'020}});
  recording.writes.push_back({7'000, 3, {-1, 7'400, -1, 7'000}});
  const LagStatistics lags = lag_statistics(recording, presence_of(recording));

  CHECK(lags.copies == 9);
  CHECK(lags.copies_missing == 2);
  CHECK(lags.writes_everywhere == 2);
  CHECK(lags.each_node.count == 9);
  CHECK(lags.each_node.never == 2);
  CHECK(lags.each_node.p50_us == 200);   // 10 20 50 100 [200] 400 900 never never
  CHECK(lags.each_node.p90_us == kNever);
  CHECK(lags.each_node.max_us == 900);
  CHECK(lags.half.count == 3);           // Two of four have it: the coordinator and one more.
  CHECK(lags.half.never == 0);
  CHECK(lags.half.p50_us == 100);        // 10 [100] 400
  CHECK(lags.half.max_us == 400);
  CHECK(lags.last_node.count == 3);
  CHECK(lags.last_node.never == 1);
  CHECK(lags.last_node.p50_us == 900);   // 50 [900] never
  CHECK(lags.last_node.p99_us == kNever);
}

TEST_CASE("statistics: a write has nowhere to go in a cluster of one") {
  Recording recording = of_nodes(1);
  recording.writes.push_back({1'000, 0, {1'000}});
  const LagStatistics lags = lag_statistics(recording, presence_of(recording));
  CHECK(lags.copies == 0);
  CHECK(lags.writes_everywhere == 1);
  CHECK(lags.last_node.count == 0);
}

TEST_CASE("statistics: nodes that are down at the end are not waited for, late ones not blamed") {
  Recording recording = of_nodes(3);
  // n2 goes; n3 comes between 2 and 3 s.
  recording.samples = {sample_at(1'000'000, {1, 1, 0}), sample_at(2'000'000, {1, 1, 0}),
                       sample_at(3'000'000, {1, 0, 1})};
  recording.writes.push_back({500'000, 0, {500'000, 600'000, 2'400'000}});
  recording.writes.push_back({2'500'000, 1, {2'600'000, 2'500'000, 2'700'000}});
  recording.writes.push_back({2'900'000, 0, {2'900'000, -1, 2'950'000}});
  const Presence presence = presence_of(recording);
  CHECK(presence.counted == std::vector<std::uint32_t>{0, 2});
  CHECK(presence.from_us == std::vector<std::int64_t>{0, 0, 2'000'000});
  const LagStatistics lags = lag_statistics(recording, presence);
  CHECK(lags.copies == 4);
  CHECK(lags.copies_missing == 0);
  CHECK(lags.writes_everywhere == 3);
  CHECK(lags.last_node.max_us == 400'000);  // Since 2 s, not since 0.5 s.
}

TEST_CASE("statistics: when all are down at the end, all count") {
  Recording recording = of_nodes(2);
  recording.samples = {sample_at(1'000'000, {0, 0})};
  CHECK(presence_of(recording).counted.size() == 2);
}

TEST_CASE("statistics: quantiles of doubles") {
  std::vector<double> values = {4, 1, 3, 2, 5};
  CHECK(quantile(values, 0.5) == 3);
  CHECK(quantile(values, 0.1) == 1);
  CHECK(quantile(values, 1.0) == 5);
  values.clear();
  CHECK(quantile(values, 0.5) == 0);
}

TEST_CASE("digest: copies under way are counted from the write to the arrival") {
  Recording recording = of_nodes(3);
  recording.writes.push_back({2'000'000, 0, {2'000'000, 4'000'000, 6'000'000}});
  recording.writes.push_back({3'000'000, 1, {3'500'000, 3'000'000, -1}});
  const Digest digest = digest_of(recording);
  CHECK(digest.end_us == 10'000'000);
  CHECK(digest.most_under_way == 4);
  CHECK(digest.most_under_way_us == doctest::Approx(3'000'000).epsilon(0.001));
  const auto at = [&](double s) { return digest.copies_under_way[static_cast<std::size_t>(s / 10 * kColumnsMax)]; };
  CHECK(at(1.0) == 0);
  CHECK(at(2.5) == 2);
  CHECK(at(3.25) == 4);
  CHECK(at(3.75) == 3);
  CHECK(at(5.0) == 2);
  CHECK(at(9.9) == 1);  // What never arrives stays.
}

TEST_CASE("digest: the share of nodes that have a write grows with its age") {
  Recording recording = of_nodes(4);
  for (std::int64_t at = 0; at < 10'000'000; at += 10'000) {
    recording.writes.push_back({at, 0, {at, at + 20'000, at + 30'000, at + 5'000'000}});
  }
  const Digest digest = digest_of(recording);
  REQUIRE(digest.ages_us.size() >= 2);
  CHECK(digest.ages_us.back() == kByTheEnd);
  CHECK(std::is_sorted(digest.ages_us.begin(), digest.ages_us.end()));
  std::uint64_t writes = 0;
  for (const BirthColumn& column : digest.births) {
    writes += column.writes;
    CHECK(std::is_sorted(column.share_by_age.begin(), column.share_by_age.end()));
    CHECK(column.share_by_age.back() == 1);
    for (std::size_t age = 0; age < digest.ages_us.size(); ++age) {
      const std::int64_t us = digest.ages_us[age];
      const int nodes = 1 + (us >= 20'000 ? 1 : 0) + (us >= 30'000 ? 1 : 0) + (us >= 5'000'000 ? 1 : 0);
      CHECK(column.share_by_age[age] == doctest::Approx(nodes / 4.0));
    }
  }
  CHECK(writes == recording.writes.size());
}

TEST_CASE("digest: after each stretch of faults, what was missing and how long it took") {
  using Kind = Recording::Span::Kind;
  Recording recording = of_nodes(2);
  recording.spans = {{Kind::kWeather, 0, 10'000'000, {0, 1}, "rain"},
                     {Kind::kCut, 1'000'000, 3'000'000, {0, 1}, "cut"},
                     {Kind::kDown, 2'000'000, 4'000'000, {1}, "n2 down"},
                     {Kind::kCut, 6'000'000, 7'000'000, {0, 1}, "cut again"},
                     {Kind::kCut, 8'000'000, 10'000'000, {0, 1}, "never healed"}};
  recording.writes.push_back({1'500'000, 0, {1'500'000, 4'300'000}});
  recording.writes.push_back({3'900'000, 0, {3'900'000, 4'200'000}});
  recording.writes.push_back({4'100'000, 0, {4'100'000, 9'000'000}});
  recording.writes.push_back({6'500'000, 1, {-1, 6'500'000}});
  const Digest digest = digest_of(recording);
  REQUIRE(digest.recoveries.size() == 2);
  CHECK(digest.recoveries[0].began_us == 1'000'000);
  CHECK(digest.recoveries[0].ended_us == 4'000'000);
  CHECK(digest.recoveries[0].spans == std::vector<std::size_t>{2});
  CHECK(digest.recoveries[0].copies_missing == 2);
  CHECK(digest.recoveries[0].everywhere_us == 300'000);
  CHECK(digest.recoveries[1].copies_missing == 2);
  CHECK(digest.recoveries[1].everywhere_us == kNever);
}

TEST_CASE("digest: samples are brought to columns, and no byte is lost (1 to 1,000 samples)") {
  for (const std::size_t count : {1U, 2U, 239U, 240U, 241U, 1'000U}) {
    Recording recording = of_nodes(2);
    recording.sample_interval_us = 250'000;
    for (std::size_t i = 0; i < count; ++i) {
      recording.samples.push_back(
          sample_at(static_cast<std::int64_t>(i + 1) * 250'000, {1, static_cast<std::uint8_t>(i % 2)}));
      recording.samples.back().bytes_sent = {100, 50};
      recording.samples.back().distinct_by_bucket[17] = i + 1 == count ? 2 : 1;
    }
    const Digest digest = digest_of(recording);
    CHECK(digest.samples.size() <= kColumnsMax);
    CHECK(digest.nodes_apart);
    double bytes = 0;
    std::int64_t end = 0;
    for (const SampleColumn& column : digest.samples) {
      CHECK(column.begin_us == end);
      end = column.end_us;
      bytes += column.bytes_per_second.total * static_cast<double>(column.end_us - column.begin_us) / 1e6;
    }
    CHECK(bytes == doctest::Approx(150.0 * static_cast<double>(count)));
    CHECK(digest.samples.back().distinct_by_bucket[17] == 2);
    CHECK(digest.samples.back().distinct_by_bucket[16] == 1);
  }
}

TEST_CASE("digest: above a dozen nodes there are quantiles, over those that are up") {
  Recording recording = of_nodes(20);
  recording.samples = {sample_at(250'000, std::vector<std::uint8_t>(20, 1))};
  for (std::size_t node = 0; node < 20; ++node) recording.samples[0].store_bytes[node] = node + 1;
  recording.samples[0].up[19] = 0;
  const Digest digest = digest_of(recording);
  CHECK_FALSE(digest.nodes_apart);
  const NodeFigures& store = digest.samples[0].store_bytes;
  CHECK(store.by_node.empty());
  CHECK(store.low == 2);
  CHECK(store.median == 10);
  CHECK(store.high == 18);
  CHECK(store.max == 19);
  CHECK(store.total == 190);
}

}  // namespace
}  // namespace kith::test
