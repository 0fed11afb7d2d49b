// tests/cluster/flips_test.cc -- bits that flip on a real disk, anywhere in the file.
//
// Goal: beside two sound nodes, a node whose file has flipped bits serves nothing that is false, finds by itself what
// nobody asks for, and is mended; where the bits are in LMDB's own pages it may stop instead, and then says what to do.
// Method: rounds; in each some bits of a copy of a sound data.mdb are flipped (seeded), the node is started on it,
// everything is read at once, and again when it has scrubbed.  KITH_FLIPS_SEED=N flips others.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "crdt/limits.h"
#include "store/offline_store.h"
#include "tests/cluster/cluster.h"

namespace kith {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kAnswerIn{10};
constexpr int kFlipsARound = 10;
constexpr int kFields = 1200;

std::string field_of(int i) { return "field" + std::to_string(i); }
std::string hash_of_field(int i) { return "hash" + std::to_string(i % 40); }
std::string value_of(int i) { return std::string(200 + static_cast<std::size_t>(i * 37 % 900), static_cast<char>('a' + i % 26)); }

struct Reads {
  std::size_t right = 0, refused = 0, missing = 0, wrong = 0, unanswered = 0;
};

Reads read_all(KithdProcess& node) {
  Reads out;
  try {
    Client client = node.connect();
    std::map<std::uint64_t, int> asked;
    for (int i = 0; i < kFields; ++i) {
      Request request;
      request.op = ClientOp::kHget;
      request.key = hash_of_field(i);
      request.members = {field_of(i)};
      asked[client.send(request)] = i;
    }
    for (int i = 0; i < kFields; ++i) {
      const auto reply = client.receive(kAnswerIn);
      if (!reply) {
        out.unanswered = static_cast<std::size_t>(kFields - i);
        return out;
      }
      if (reply->status == Status::kOk) {
        ++(reply->value == value_of(asked.at(reply->id)) ? out.right : out.wrong);
      } else {
        ++(reply->status == Status::kNotFound ? out.missing : out.refused);
      }
    }
  } catch (const std::runtime_error&) {
    out.unanswered = kFields;
  }
  return out;
}

nlohmann::json status_of(KithdProcess& node) {
  Client client = node.connect();
  Request request;
  request.op = ClientOp::kStatus;
  return nlohmann::json::parse(client.call(request, kAnswerIn).document);
}

// Up and in the cluster; false: it ended.
bool starts(KithdProcess& node) {
  try {
    node.restart();
    node.wait_ready();
    return true;
  } catch (const std::runtime_error&) {
    return false;
  }
}

void flip(int rounds, const std::string& check_pages) {
  const bool checked = check_pages != "0";
  TestCluster cluster(3, {"--scrub-interval", "100ms", "--gossip-interval", "50ms", "--check-pages", check_pages});
  {
    Client client = cluster.node(0).connect();
    for (int i = 0; i < kFields; ++i) {
      Request request;
      request.op = ClientOp::kHset;
      request.key = hash_of_field(i);
      request.fields = {{field_of(i), value_of(i)}};
      client.send(request);
    }
    for (int i = 0; i < kFields; ++i) REQUIRE(client.receive(kAnswerIn)->status == Status::kOk);
  }
  REQUIRE(eventually([&] { return cluster.all_equal(); }));
  KithdProcess& node = cluster.node(2);
  REQUIRE(node.terminate().code == 0);
  const std::string file = cluster.data_of(2) + "/data.mdb", sound = cluster.data_of(2) + ".sound";
  std::uint64_t bytes = 0;
  std::map<ShardId, CommitClock> held;
  {
    const OfflineStore store(cluster.data_of(2));
    REQUIRE(store.verify().empty());
    bytes = store.pages().pages * store.pages().page_bytes;
    for (ShardId shard = 0; shard < kShardsDefault; ++shard) held[shard] = store.snapshot()->held(shard);
  }
  fs::copy_file(file, sound);

  const char* const seed = std::getenv("KITH_FLIPS_SEED");
  std::mt19937_64 random(seed != nullptr ? std::stoull(seed) : 6002211);
  struct {
    std::size_t harmless = 0, records = 0, inner = 0;               // Rounds, as verify sees the file.
    std::size_t stopped = 0, by_signal = 0, inner_mended = 0, inner_left = 0;
    std::size_t refused = 0, missing_inner = 0, rows_mended = 0, repaired = 0, doubted = 0, left = 0;
  } tally;
  for (int round = 0; round < rounds; ++round) {
    CAPTURE(round);
    fs::copy_file(sound, file, fs::copy_options::overwrite_existing);
    for (const char* journal : {"/journal-0.kith", "/journal-1.kith"}) fs::remove(cluster.data_of(2) + journal);  // Of the round before.
    {
      std::fstream out(file, std::ios::in | std::ios::out | std::ios::binary);
      for (int i = 0; i < kFlipsARound; ++i) {
        const auto at = static_cast<std::streamoff>(random() % bytes);
        out.seekg(at);
        const char byte = static_cast<char>(out.get());
        out.seekp(at);
        out.put(static_cast<char>(byte ^ (1 << (random() % 8))));
      }
    }
    bool inner = false, records = false, openable = true;
    try {
      const OfflineStore store(cluster.data_of(2));
      inner = !store.walkable();
      records = !inner && !store.verify().empty();
    } catch (const StoreError&) {
      records = true;  // Meta, say: the node will not start on it.
      openable = false;
    }
    ++(inner ? tally.inner : records ? tally.records : tally.harmless);

    const std::string before = node.output();
    bool up = starts(node);
    if (up) {
      const Reads first = read_all(node);
      tally.refused += first.refused;
      CHECK(first.wrong == 0);
      if (checked) CHECK_FALSE(inner);
      if (inner) {
        tally.missing_inner += first.missing;
      } else {
        CHECK(first.missing == 0);
        CHECK(first.unanswered == 0);
      }
      const auto whole = [&] {
        // SUBTLE: the scrub runs when nothing else wants the processor; asking all the time would keep it from running.
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        const Reads now = read_all(node);
        return now.right == kFields && cluster.root_of(2) == cluster.root_of(0) && status_of(node)["rows_damaged"] == 0 &&
               status_of(node)["scrub"]["passes"] >= 2;
      };
      bool mended = false;
      bool settled = false;
      try {
        settled = eventually([&] { return !node.running() || (mended = node.running() && whole()); },
                             std::chrono::seconds(inner ? 5 : 60));
      } catch (const std::runtime_error&) {  // It does not answer any more: pages that lead to themselves.
        CHECK(inner);
      }
      if (!inner) CHECK(settled);
      if (inner && !mended && node.running()) {
        ++tally.inner_left;
        node.kill();
        continue;
      }
      if (mended) {
        // Once more around, now that every row can be read: sums and counts are held against them.
        const std::uint64_t passes = status_of(node)["scrub"]["passes"];
        CHECK(eventually([&] { return status_of(node)["scrub"]["passes"] >= passes + 2 && whole(); }));
      }
      up = node.running();
      if (up) {
        if (inner) ++tally.inner_mended;
        else CHECK(mended);
        const auto status = status_of(node);
        tally.rows_mended += status["counters"].value("rows_mended", std::size_t{0});
        tally.repaired += status["counters"].value("rows_repaired", std::size_t{0});
        tally.doubted += status["counters"].value("shards_recounted", std::size_t{0});
        (void)node.terminate();
        if (!inner) {
          const OfflineStore store(cluster.data_of(2));
          for (const auto& [shard, clock] : held) {
            const CommitClock now = store.snapshot()->held(shard);
            for (const auto& [origin, commit] : clock) {
              const auto at = std::find_if(now.begin(), now.end(), [&](const auto& entry) { return entry.first == origin; });
              CHECK_MESSAGE((at != now.end() && at->second >= commit), "a clock of shard ", shard, " is not there again");
            }
          }
          const auto findings = store.verify();
          tally.left += findings.size();
          // A count under a name of which a bit has flipped.
          for (const std::string& finding : findings) {
            // A sealed record under a name of which a bit has flipped is nobody's, counts as absent, and stays: all clocks
            // there were are there again, and what a cursor or a mark was for has been done without it.
            const bool nobodys = finding.ends_with("of 'clocks' is damaged") || finding.ends_with("of 'cursors' is damaged") ||
                                 finding.ends_with("of 'marks' is damaged");
            const bool known = nobodys || (finding.starts_with("the count of") && finding.ends_with("instead of 0"));
            CHECK_MESSAGE(known, finding);
          }
        }
      }
    }
    if (!up && inner && node.running()) {
      ++tally.inner_left;
      node.kill();
    } else if (!up) {
      // Only where the file is damaged beyond rows, and in words.
      const bool allowed = inner || !openable || records;
      CHECK(allowed);
      ++tally.stopped;
      const KithdProcess::Exit exit = node.wait_exit();
      tally.by_signal += exit.code == -1 ? 1 : 0;
      if (!inner) CHECK(exit.code != -1);
      const std::string said = node.output().substr(before.size());
      CAPTURE(said);
      const bool clear = said.find("kith verify") != std::string::npos || said.find("set the d") != std::string::npos;
      CHECK(clear);
    }
  }
  const int bits = rounds * kFlipsARound;
  MESSAGE(bits, " bits in ", rounds, " rounds: files with damaged records ", tally.records, ", with damaged inner pages ", tally.inner,
          ", harmless ", tally.harmless, "; stopped with a sentence ", tally.stopped, " (by a signal ", tally.by_signal,
          "), inner pages and yet whole again ", tally.inner_mended, ", not ", tally.inner_left, "; reads refused as damaged ",
          tally.refused, ", missing while inner pages were damaged ", tally.missing_inner, "; rows mended ", tally.rows_mended,
          ", repaired by the audit ", tally.repaired, ", shards made anew ", tally.doubted, ", findings left ", tally.left);
  CHECK(tally.records > 0);
  CHECK(tally.rows_mended > 0);
}

TEST_CASE("cluster: bits flipped all over a node's file are noticed or harmless, never served, and mended (600 bits)") {
  flip(60, "1GiB");
}

TEST_CASE("cluster: a node whose inner pages nobody looked at serves no false value, or ends with a sentence (150 bits)") {
  flip(15, "0");
}

}  // namespace
}  // namespace kith
