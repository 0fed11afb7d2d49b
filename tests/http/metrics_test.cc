#include "node/http/metrics.h"

#include <doctest/doctest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "tests/http/pictures.h"

namespace kith {
namespace {

struct Fixture {
  NodeStatus status = *three_equal().nodes[0].status;
  Meters meters;
  HttpCounters http;
  Picture picture = three_equal();
  RemovalCount::Reading removals{12, 1'700'000'000'000};

  std::string text(bool with_picture = true) {
    return metrics_text({status, meters, with_picture ? &picture : nullptr, removals, http}, kThen);
  }
};

bool has_line(const std::string& text, const std::string& line) { return ("\n" + text).find("\n" + line + "\n") != std::string::npos; }

TEST_CASE("metrics: a histogram counts each sample once, in its bucket and all above") {
  Fixture fixture;
  for (const double seconds : {0.001, 0.005, 0.0051, 7.0, 1e9}) fixture.meters.convergence_lag_seconds.observe(seconds);
  const std::string text = fixture.text();
  CHECK(has_line(text, "kith_convergence_lag_seconds_bucket{le=\"0.005\"} 2"));
  CHECK(has_line(text, "kith_convergence_lag_seconds_bucket{le=\"0.01\"} 3"));
  CHECK(has_line(text, "kith_convergence_lag_seconds_bucket{le=\"10\"} 4"));
  CHECK(has_line(text, "kith_convergence_lag_seconds_bucket{le=\"+Inf\"} 5"));
  CHECK(has_line(text, "kith_convergence_lag_seconds_count 5"));
}

TEST_CASE("metrics: messages and their bytes are told by kind and direction, drops by reason") {
  Fixture fixture;
  fixture.status.counters = {{"sent_push", 7},     {"sent_push_bytes", 700}, {"received_rows", 2}, {"received_rows_bytes", 50},
                             {"received_bytes", 9}, {"received_messages", 3}, {"dropped_stale", 4}, {"rounds_in_sync", 5}};
  const std::string text = fixture.text();
  CHECK(has_line(text, "kith_messages_total{kind=\"push\",direction=\"sent\"} 7"));
  CHECK(has_line(text, "kith_message_bytes_total{kind=\"push\",direction=\"sent\"} 700"));
  CHECK(has_line(text, "kith_message_bytes_total{kind=\"rows\",direction=\"received\"} 50"));
  CHECK(text.find("kind=\"\"") == std::string::npos);
  CHECK(has_line(text, "kith_messages_dropped_total{reason=\"stale\"} 4"));
  CHECK(has_line(text, "kith_rounds_total{result=\"in_sync\"} 5"));
}

TEST_CASE("metrics: what is not known is not there, instead of zero") {
  Fixture fixture;
  fixture.picture.nodes[1].status->root = "bb";
  fixture.picture.nodes[0].lacked["n2"] = {{40, true}, kThen};
  fixture.picture.nodes[2].error = "gone";
  const std::string text = fixture.text();
  CHECK(has_line(text, "kith_peer_missing_cells{peer=\"n2\",direction=\"there\"} 40"));
  CHECK(text.find("kith_peer_missing_cells{peer=\"n2\",direction=\"here\"}") == std::string::npos);
  CHECK(text.find("kith_peer_missing_cells{peer=\"n3\"") == std::string::npos);
  CHECK(has_line(text, "kith_peer_reachable{peer=\"n3\"} 0"));
  CHECK(text.find("kith_horizon_held_by") == std::string::npos);
  CHECK(text.find("kith_peer_round_trip_seconds") == std::string::npos);
  CHECK(fixture.text(false).find("kith_peer_missing_cells") == std::string::npos);
  fixture.removals = {};
  CHECK(fixture.text().find("kith_removal_records") == std::string::npos);
  fixture.picture.taken_at -= std::chrono::minutes(5);
  CHECK(fixture.text().find("kith_peer_missing_cells") == std::string::npos);
}

TEST_CASE("metrics: writes with a tag are told by outcome, and who holds the horizon by name") {
  Fixture fixture;
  fixture.meters.tagged_writes[Meters::kUnchanged] = 3;
  fixture.status.garbage.held_by = "n2";
  fixture.status.garbage.held_for_ms = 2500;
  const std::string text = fixture.text();
  CHECK(has_line(text, "kith_tagged_writes_total{outcome=\"unchanged\"} 3"));
  CHECK(has_line(text, "kith_tagged_writes_total{outcome=\"retry_window_passed\"} 0"));
  CHECK(has_line(text, "kith_horizon_held_by{peer=\"n2\"} 1"));
  CHECK(has_line(text, "kith_horizon_held_seconds 2.5"));
  CHECK(has_line(text, "kith_removal_records 12"));
}

TEST_CASE("metrics: what failure detection believes of a peer is told, and nothing where it does not look") {
  Fixture fixture;
  CHECK(fixture.text().find("kith_peer_believed") == std::string::npos);
  MemberRow& peer = *std::find_if(fixture.status.members.begin(), fixture.status.members.end(), [](const auto& it) { return it.name == "n2"; });
  peer.liveness = "dead";
  peer.liveness_ms = 5000;
  const std::string text = fixture.text();
  CHECK(has_line(text, "kith_peer_believed{peer=\"n2\",state=\"dead\"} 1"));
  CHECK(has_line(text, "kith_peer_believed{peer=\"n2\",state=\"alive\"} 0"));
  CHECK(text.find("kith_peer_believed{peer=\"n3\"") == std::string::npos);
}

TEST_CASE("metrics: docs/HTTP.md has every metric there is, and no other") {
  Fixture fixture;
  // So that all there can be is there.
  fixture.status.counters = {{"sent_push", 1}, {"sent_push_bytes", 1}, {"dropped_stale", 1}};
  fixture.status.garbage.held_by = "n2";
  fixture.status.garbage.held_for_ms = 1;
  fixture.status.garbage.horizon_ms = 1;
  fixture.status.garbage.floor = Timestamp::at_ms(1);
  for (MemberRow& member : fixture.status.members) member.agreed_ms_ago = member.round_trip_ms = member.liveness_ms = 1;
  std::set<std::string> made, told;
  std::istringstream lines(fixture.text());
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# TYPE ")) made.insert(line.substr(7, line.find(' ', 7) - 7));
  }
  std::ifstream page(KITH_SOURCE_DIR "/docs/HTTP.md");
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("| `kith_")) told.insert(line.substr(3, line.find_first_of("`{", 3) - 3));
  }
  CHECK(made.size() > 40);
  for (const std::string& name : made) CHECK_MESSAGE(told.contains(name), name, " is not in docs/HTTP.md");
  for (const std::string& name : told) CHECK_MESSAGE(made.contains(name), name, " is in docs/HTTP.md and nowhere else");
}

}  // namespace
}  // namespace kith
