// tests/sim/report_test.cc -- the page, the figures and the picture of a run.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "sim/digest.h"
#include "sim/report.h"
#include "sim/report_headline.h"
#include "sim/words.h"
#include "tests/sim/markup_check.h"

namespace kith::test {
namespace {

using namespace kith::sim;
using Kind = Recording::Span::Kind;

std::vector<std::uint32_t> first_nodes(std::size_t count) {
  std::vector<std::uint32_t> nodes(count);
  for (std::size_t i = 0; i < count; ++i) nodes[i] = static_cast<std::uint32_t>(i);
  return nodes;
}

// Writes evenly over the run, each at all nodes some time later; one sample a quarter of a second.
Recording plausible(std::size_t nodes, std::size_t writes, std::int64_t end_us) {
  std::mt19937_64 draw(nodes * 1'000'003 + writes);
  Recording recording;
  recording.scenario = "two sites";
  recording.about = "Cut for a while.";
  recording.seed = 7;
  recording.end_us = recording.healed_us = end_us;
  recording.converged_us = end_us + 1'300'000;
  for (std::size_t i = 0; i < nodes; ++i) recording.nodes.push_back("n" + std::to_string(i + 1));
  for (std::size_t i = 0; i < writes; ++i) {
    Recording::Write write;
    write.at_us = static_cast<std::int64_t>(i) * end_us / static_cast<std::int64_t>(writes);
    write.node = static_cast<std::uint32_t>(draw() % nodes);
    for (std::size_t node = 0; node < nodes; ++node) {
      write.reached_us.push_back(write.at_us +
                                 (node == write.node ? 0 : 1 + static_cast<std::int64_t>(draw() % 1'000'000)));
    }
    recording.writes.push_back(std::move(write));
  }
  for (std::int64_t at = 250'000; at <= recording.converged_us; at += 250'000) {
    Recording::Sample sample;
    sample.at_us = at;
    for (std::size_t node = 0; node < nodes; ++node) {
      sample.bytes_sent.push_back(draw() % 10'000);
      sample.messages_sent.push_back(draw() % 100);
      sample.store_bytes.push_back(static_cast<std::uint64_t>(at));
      sample.up.push_back(1);
    }
    sample.distinct_contents = 1 + static_cast<std::uint32_t>(draw() % nodes);
    for (std::uint16_t& distinct : sample.distinct_by_bucket) distinct = static_cast<std::uint16_t>(1 + draw() % 7);
    recording.samples.push_back(std::move(sample));
  }
  recording.traffic = {{"push", {1'000, 500'000}}, {"summary", {500, 20'000}}};
  recording.outcomes = {{"ok", writes}, {"refused: clock_fenced", 3}};
  recording.sent_by_node.assign(nodes, {10, 1'000});
  return recording;
}

void check_all(const Recording& recording, const char* name) {
  CAPTURE(name);
  const std::string html = report_html(recording), svg = report_svg(recording), json = report_json(recording);
  CHECK(fault_of_markup(html) == "");
  CHECK(fault_of_markup(svg) == "");
  CHECK(nlohmann::json::accept(json));
  // Nothing may be fetched: the only address is the name space of the drawing that is a file of its own.
  for (const std::string* text : {&html, &svg}) {
    for (const char* outside : {"src=", "href=", "@import", "<script", "url(http", "url(//", "url(\""}) {
      CHECK_MESSAGE(text->find(outside) == std::string::npos, outside);
    }
  }
  CHECK(html.find("http") == std::string::npos);
  CHECK(svg.find("http") == svg.find("http://www.w3.org/2000/svg"));
}

TEST_CASE("report: equal recordings give equal bytes") {
  const Recording recording = plausible(3, 100, 10'000'000);
  CHECK(report_html(recording) == report_html(Recording(recording)));
  CHECK(report_svg(recording) == report_svg(Recording(recording)));
  CHECK(report_json(recording) == report_json(Recording(recording)));
}

// Goal: whatever is missing from a recording, page, picture and figures are whole.
// Method: a full recording, from which one thing after another is taken; and some that are strange from the beginning.
TEST_CASE("report: well-formed, and without numbers that are none, for all sorts of recordings") {
  check_all({}, "empty");
  const auto check = [](const char* name, auto change, std::size_t nodes = 3) {
    Recording recording = plausible(nodes, 60, 20'000'000);
    recording.spans = {{Kind::kCut, 5'000'000, 15'000'000, first_nodes(nodes), "west cut from east"},
                       {Kind::kDown, 8'000'000, 20'000'000, {0}, "n1 down"}};
    recording.happenings = {{5'000'000, "cut"}, {15'000'000, "heal"}};
    change(recording);
    check_all(recording, name);
  };
  check("as it is", [](Recording&) {});
  check("one node", [](Recording&) {}, 1);
  check("two nodes", [](Recording&) {}, 2);
  check("thirteen nodes", [](Recording&) {}, 13);
  check("fifty nodes", [](Recording&) {}, 50);
  check("no writes", [](Recording& r) { r.writes.clear(); });
  check("one write", [](Recording& r) { r.writes.resize(1); });
  check("no samples", [](Recording& r) { r.samples.clear(); });
  check("one sample", [](Recording& r) { r.samples.resize(1); });
  check("neither", [](Recording& r) { r.samples.clear(), r.writes.clear(); });
  check("no nodes", [](Recording& r) { r.nodes.clear(), r.writes.clear(), r.samples.clear(); });
  check("samples without nodes", [](Recording& r) { r.nodes.clear(), r.writes.clear(); });
  check("nothing arrived", [](Recording& r) {
    for (auto& write : r.writes) write.reached_us.assign(write.reached_us.size(), -1);
  });
  check("all at once", [](Recording& r) {
    for (auto& write : r.writes) write.at_us = 0, write.reached_us.assign(write.reached_us.size(), 0);
  });
  check("all down", [](Recording& r) {
    for (auto& sample : r.samples) sample.up.assign(sample.up.size(), 0);
  });
  check("short vectors", [](Recording& r) {
    for (auto& write : r.writes) write.reached_us.resize(1);
    for (auto& sample : r.samples) sample.up.resize(1), sample.bytes_sent.clear(), sample.store_bytes.clear();
    r.sent_by_node.clear();
  });
  check("no time at all", [](Recording& r) {
    r.end_us = r.healed_us = r.converged_us = 0;
    r.samples.clear(), r.writes.clear();
  });
  check("a span backwards, one empty, one far away, one of nobody", [](Recording& r) {
    r.spans.push_back({Kind::kClock, 9'000'000, 1'000'000, {0}, "backwards"});
    r.spans.push_back({Kind::kDisk, 9'000'000, 9'000'000, {1}, "empty"});
    r.spans.push_back({Kind::kPaused, 900'000'000, 999'000'000, {1}, "far away"});
    r.spans.push_back({Kind::kWeather, 1, 2, {}, ""});
    r.spans.push_back({Kind::kCut, 1, 2, {999'999}, "a stranger"});
  });
  check("not healed", [](Recording& r) { r.healed_us = r.converged_us = -1; });
  check("many faults", [](Recording& r) {
    for (int i = 0; i < 500; ++i) {
      r.spans.push_back(
          {static_cast<Kind>(i % 6), i * 40'000, i * 40'000 + 700'000, {static_cast<std::uint32_t>(i % 3)}, "fault"});
    }
  });
  check("many faults of many nodes", [](Recording& r) {
    for (int i = 0; i < 500; ++i) {
      r.spans.push_back(
          {static_cast<Kind>(i % 6), i * 40'000, i * 40'000 + 700'000, {static_cast<std::uint32_t>(i % 60)}, "fault"});
    }
  }, 60);
}

TEST_CASE("report: names and texts cannot break out of the page") {
  const std::string evil = "<b>&\"'</title></style><script>alert(1)</script>\x01\xFF";
  Recording recording = plausible(3, 20, 5'000'000);
  recording.scenario = recording.about = evil;
  for (std::string& name : recording.nodes) name = evil;
  recording.spans = {{Kind::kDown, 1'000'000, 4'000'000, {0}, evil}};
  recording.happenings = {{1'000'000, evil}};
  recording.failures = {evil};
  recording.traffic = {{evil, {1, 1}}};
  recording.outcomes = {{evil, 1}};
  check_all(recording, "evil names");
  CHECK(report_html(recording).find("&lt;b&gt;&amp;&quot;&#39;") != std::string::npos);
}

std::string sentence_of(const Recording& recording) {
  std::string text = headline_of(recording, digest_of(recording)).sentence;
  for (std::size_t at; (at = text.find(kNoBreakSpace)) != std::string::npos;)
    text.replace(at, kNoBreakSpace.size(), " ");
  return text;
}

TEST_CASE("headline: says how the run ended, and after what") {
  Recording recording = plausible(6, 12, 20'000'000);
  CHECK(sentence_of(recording) == "All 6 nodes were equal 1.3 s after the end of the timeline.");
  recording.spans = {{Kind::kCut, 5'000'000, 20'000'000, first_nodes(6), "west cut from east"}};
  CHECK(sentence_of(recording) == "All 6 nodes were equal 1.3 s after the link came back.");
  recording.spans.push_back(recording.spans[0]);
  CHECK(sentence_of(recording) == "All 6 nodes were equal 1.3 s after the links came back.");
  recording.spans = {{Kind::kDown, 5'000'000, 20'000'000, {2}, "n3 down"}};
  CHECK(sentence_of(recording) == "All 6 nodes were equal 1.3 s after n3 was up again.");
  recording.spans.push_back({Kind::kCut, 5'000'000, 20'000'000, {2}, "cut"});
  CHECK(sentence_of(recording) == "All 6 nodes were equal 1.3 s after the last faults were over.");

  const Headline headline = headline_of(recording, digest_of(recording));
  CHECK(headline.verdict == Headline::Verdict::kConverged);
  CHECK(headline.more.front() == "12 of 12 acknowledged writes are on every node.");
}

TEST_CASE("headline: a run that failed never reads like one that held") {
  Recording recording = plausible(3, 12, 20'000'000);
  recording.failures = {"n3 does not have the add of kith"};
  CHECK(sentence_of(recording) == "FAILED: one check did not hold.");
  CHECK(headline_of(recording, digest_of(recording)).verdict == Headline::Verdict::kFailed);
  CHECK(report_html(recording).find("n3 does not have the add of kith") != std::string::npos);

  recording.converged_us = -1;
  CHECK(sentence_of(recording).starts_with("NOT converged: "));
  CHECK(headline_of(recording, digest_of(recording)).verdict == Headline::Verdict::kNotConverged);
  recording.failures.clear();
  CHECK(headline_of(recording, digest_of(recording)).verdict == Headline::Verdict::kNotConverged);

  recording.healed_us = -1;
  CHECK(headline_of(recording, digest_of(recording)).verdict == Headline::Verdict::kHeld);
  recording.failures = {"a", "b"};
  CHECK(sentence_of(recording) == "FAILED: 2 checks did not hold.");
}

TEST_CASE("json: the documented keys, and exact figures") {
  Recording recording = plausible(3, 0, 4'000'000);
  recording.writes = {{1'000'000, 0, {1'000'000, 1'000'100, 1'000'900}}, {2'000'000, 1, {2'000'300, 2'000'000, -1}}};
  recording.outcomes = {{"ok", 2}};
  recording.spans = {{Kind::kDown, 1'500'000, 2'000'100, {2}, "n3 down"}};
  recording.trace_hash = 0xC0FFEE;
  const auto json = nlohmann::json::parse(report_json(recording));
  for (const char* key :
       {"scenario", "about", "seed", "trace_hash", "verdict", "sentence", "failures", "end_us", "healed_us",
        "converged_us", "converged_after_us", "writes", "lag", "recoveries", "outcomes", "traffic", "nodes", "spans"}) {
    CHECK_MESSAGE(json.contains(key), key);
  }
  CHECK(json["trace_hash"] == "0x0000000000c0ffee");
  CHECK(json["verdict"] == "converged");
  CHECK(json["converged_after_us"] == 1'300'000);
  CHECK(json["writes"]["acknowledged"] == 2);
  CHECK(json["writes"]["everywhere"] == 1);
  CHECK(json["writes"]["copies"] == 4);
  CHECK(json["writes"]["copies_missing"] == 1);
  CHECK(json["lag"]["each_node"]["p50_us"] == 300);
  CHECK(json["lag"]["each_node"]["p99_us"].is_null());
  CHECK(json["lag"]["each_node"]["max_us"] == 900);
  CHECK(json["lag"]["each_node"]["never"] == 1);
  CHECK(json["lag"]["last_node"]["p50_us"] == 900);
  CHECK(json["lag"]["half_of_nodes"]["max_us"] == 300);
  CHECK(json["outcomes"]["ok"] == 2);
  CHECK(json["traffic"]["bytes"] == 520'000);
  CHECK(json["traffic"]["bytes_per_write"] == 260'000.0);
  CHECK(json["traffic"]["by_kind"]["push"]["messages"] == 1'000);
  CHECK(json["traffic"]["by_kind"]["push"]["messages_per_write"] == 500.0);
  CHECK(json["nodes"].size() == 3);
  CHECK(json["nodes"][2]["name"] == "n3");
  CHECK(json["nodes"][2]["up"] == true);
  CHECK(json["nodes"][2]["bytes_sent"] == 1'000);
  CHECK(json["spans"][0]["kind"] == "down");
  CHECK(json["recoveries"][0]["ended_us"] == 2'000'100);
  CHECK(json["recoveries"][0]["copies_missing"] == 2);
  CHECK(json["recoveries"][0]["everywhere_after_us"].is_null());
}

TEST_CASE("json: what is kept of what was removed, when the run collects, and how old it is at least") {
  Recording recording = plausible(2, 10, 4'000'000);
  CHECK_FALSE(nlohmann::json::parse(report_json(recording)).contains("garbage"));
  CHECK(report_html(recording).find("What is kept of what was removed") == std::string::npos);
  recording.garbage_interval_us = 1'000'000;
  recording.garbage_kept_us = 2'000'000;
  recording.garbage = {{0, {0, 0}, {5, 5}, 0, 0},
                       {1'000'000, {90, 100}, {105, 104}, 100, 100},
                       {2'000'000, {200, 180}, {205, 185}, 200, 200},
                       {3'000'000, {150, 250}, {155, 255}, 200, 300},
                       {4'000'000, {0, 0}, {5, 5}, 100, 300}};
  const auto json = nlohmann::json::parse(report_json(recording))["garbage"];
  CHECK(json["kept_us"] == 2'000'000);
  CHECK(json["made"] == 300);
  CHECK(json["made_lately_max"] == 200);
  CHECK(json["records_max"] == 250);
  CHECK(json["rows_max"] == 255);
  CHECK(json["oldest_us_max"] == 2'500'000);  // 250 of the 300 that were made in 3 s.
  CHECK(json["samples"].size() == 5);
  CHECK(json["samples"][1]["records"] == 100);
  CHECK(report_html(recording).find("What is kept of what was removed") != std::string::npos);
  check_all(recording, "with collection");
}

TEST_CASE("json: what did not happen is null, never a number") {
  const auto json = nlohmann::json::parse(report_json({}));
  for (const char* key : {"healed_us", "converged_us", "converged_after_us"}) CHECK_MESSAGE(json[key].is_null(), key);
  CHECK(json["lag"]["last_node"]["p50_us"].is_null());
  CHECK(json["traffic"]["bytes_per_write"].is_null());
}

// Goal: all three stay below 3 MB for 1,000 nodes and 100,000 writes.
// Method: one at a time, as both would take 800 MB for the recording alone; and samples that differ everywhere.
TEST_CASE("report: size is bounded (1,000 nodes, 100,000 writes)") {
  constexpr std::size_t kMost = 3'000'000;
  Recording wide = plausible(1'000, 1'000, 60'000'000);
  std::mt19937_64 draw(3);
  for (int i = 0; i < 600; ++i) {
    const auto begin = static_cast<std::int64_t>(draw() % 50'000'000);
    wide.spans.push_back(
        {Kind::kDown, begin, begin + 3'000'000, {static_cast<std::uint32_t>(draw() % 1'000)}, "some node down"});
    wide.happenings.push_back({begin, "crash of some node"});
  }
  const Recording lengthy = plausible(5, 100'000, 600'000'000);
  for (const Recording* recording : {static_cast<const Recording*>(&wide), &lengthy}) {
    const std::string html = report_html(*recording), svg = report_svg(*recording), json = report_json(*recording);
    CHECK(html.size() < kMost);
    CHECK(html.size() > 50'000);
    CHECK(svg.size() < 200'000);
    CHECK(json.size() < kMost);
    CHECK(fault_of_markup(html) == "");
  }
}

}  // namespace
}  // namespace kith::test
