// tests/gossip/transcript_test.cc -- the engine's conversations as transcripts: commands, then what was seen.
//
// Goal: pin what nodes say to each other, in an order that a person can read and review as a diff.
// Method: each file in transcripts/ is blocks of commands, a line "----", and the recorded output, ended by an empty line.
//   KITH_REWRITE_TRANSCRIPTS=1 records anew; look at the diff before committing it.
//
//   collect MS              before the first node: collection is on, and the retry window so long
//   node N [joins M]        create and start        start N / kill N / restart N
//   run MS | until MS       let time pass           settle        run until a round would find nothing
//   cut A B | heal          links                   drop TYPE     lose the next message of that type
//   N VERB KEY ...          set del sadd srem incr  [tag MS ACTOR] [replicas N] at the end of the line
//   show KEY                on every node           records KEY   rows of it with something to collect, on every node
//   quiet / replies / loud  without messages and replies / with the replies / with both
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "crdt/counter.h"
#include "tests/gossip/network.h"

namespace kith::test {
namespace {

class Transcript {
 public:
  Transcript() {
    network_.trace = [this](const std::string& line) {
      const bool reply = line.find(" replies ") != std::string::npos;
      if (heard_ == Heard::kAll || (heard_ == Heard::kReplies && reply)) out_ << line << "\n";
    };
    network_.filter = [this](const std::string& from, const std::string& to, std::string& bytes) {
      if (drop_.empty() || !describe(bytes).starts_with(drop_)) return true;
      if (heard_ == Heard::kAll) out_ << from << " -> " << to << ": " << describe(bytes) << ": lost\n";
      drop_.clear();
      return false;
    };
  }

  std::string run(const std::string& line) {
    out_.str("");
    std::istringstream in(line);
    std::vector<std::string> words;
    for (std::string word; in >> word;) words.push_back(word);
    if (!words.empty()) command(words);
    return out_.str();
  }

 private:
  enum class Heard { kNothing, kReplies, kAll };

  void command(std::vector<std::string> words) {
    const std::string verb = words[0];
    if (verb == "collect") {
      REQUIRE(names_.empty());
      network_.options.collect = true;
      network_.options.retry_window_ms = std::stoll(words[1]);
    } else if (verb == "node") {
      names_.push_back(words[1]);
      network_.add(words[1], words.size() > 3 ? words[3] : "");
      network_.start(words[1]);
    } else if (verb == "start") {
      network_.start(words[1]);
    } else if (verb == "kill") {
      network_.kill(words[1]);
    } else if (verb == "restart") {
      network_.kill(words[1]);
      network_.start(words[1]);
    } else if (verb == "run") {
      network_.run_ms(std::stoll(words[1]));
    } else if (verb == "until") {
      REQUIRE(std::stoll(words[1]) >= network_.now_ms());
      network_.run_ms(std::stoll(words[1]) - network_.now_ms());
    } else if (verb == "settle") {
      const bool settled = network_.run_until([&] { return network_.all_settled(); });
      out_ << (settled ? "settled: all equal\n" : "NOT settled\n");
    } else if (verb == "cut") {
      network_.cut(words[1], words[2]);
    } else if (verb == "heal") {
      network_.heal();
    } else if (verb == "drop") {
      drop_ = words[1];
    } else if (verb == "quiet" || verb == "replies" || verb == "loud") {
      heard_ = verb == "loud" ? Heard::kAll : verb == "replies" ? Heard::kReplies : Heard::kNothing;
    } else if (verb == "show") {
      show(words[1]);
    } else if (verb == "records") {
      records(words[1]);
    } else {
      operate(std::move(words));
    }
  }

  void show(const std::string& key) {
    for (const auto& name : names_) {
      if (!network_.node(name).engine) continue;
      out_ << name << " " << key << ":";
      for (const auto& member : network_.members_of(name, key)) out_ << " " << member;
      if (const auto value = network_.value(name, key)) out_ << " = " << *value;
      const auto& it = network_.node(name);
      CounterState counter;
      const ShardId shard = shard_of("t", key, it.setup.shard_count);
      const auto found = it.store->snapshot()->counter(shard, "t", key, counter);
      if (found == Snapshot::Lookup::kFound) out_ << " counts " << counter.sum.shown();
      out_ << "\n";
    }
  }

  void records(const std::string& key) {
    for (const auto& name : names_) {
      const auto& it = network_.node(name);
      if (!it.engine) continue;
      std::size_t count = 0;
      const ShardId shard = shard_of("t", key, it.setup.shard_count);
      it.store->snapshot()->scan(shard_prefix(shard), {}, [&](const StoreKey&, const Row* row) {
        REQUIRE(row != nullptr);
        count += row->cell.key == key && (row->content.collectable() || is_increment(row->cell)) ? 1 : 0;
        return true;
      });
      out_ << name << " keeps of " << key << ": " << count << (count == 1 ? " record\n" : " records\n");
    }
  }

  void operate(std::vector<std::string> words) {
    std::optional<Tag> tag;
    std::uint32_t replicas = 1;
    if (words.size() > 4 && words[words.size() - 2] == "replicas") {
      replicas = words.back() == "all" ? kAllReplicas : static_cast<std::uint32_t>(std::stoul(words.back()));
      words.resize(words.size() - 2);
    }
    if (words.size() > 5 && words[words.size() - 3] == "tag") {
      tag = Tag{Timestamp::at_ms(1'700'000'000'000 + std::stoll(words[words.size() - 2])), ActorId{std::stoull(words.back())}};
      words.resize(words.size() - 3);
    }
    REQUIRE(words.size() >= 3);
    const std::vector<std::string> rest(words.begin() + 3, words.end());
    Operation operation;
    if (words[1] == "set") operation = set(words[2], rest.at(0));
    else if (words[1] == "del") operation = del(words[2]);
    else if (words[1] == "sadd") operation = sadd(words[2], rest);
    else if (words[1] == "srem") operation = srem(words[2], rest);
    else if (words[1] == "incr") {
      operation = del(words[2]);
      operation.verb = Verb::kIncrement;
      operation.amount = std::stoll(rest.at(0));
    } else FAIL("unknown command: " << words[0] << " " << words[1]);
    operation.tag = tag;
    operation.replicas = replicas;
    operation.timeout_ms = 400;
    network_.submit(words[0], std::move(operation));
  }

  Network network_;
  std::vector<std::string> names_;
  std::ostringstream out_;
  std::string drop_;
  Heard heard_ = Heard::kAll;
};

// The file as it should read, from the file as it is.
std::string replay(std::istream& in) {
  Transcript transcript;
  std::string out, seen, line;
  bool recorded = false;
  while (std::getline(in, line)) {
    if (recorded) {
      if (line.empty()) {
        recorded = false;
        out += "\n";
      }
      continue;
    }
    out += line + "\n";
    if (line == "----") {
      out += seen;
      seen.clear();
      recorded = true;
    } else if (!line.starts_with("#")) {
      seen += transcript.run(line);
    }
  }
  return out;
}

TEST_CASE("engine: the transcripts of its conversations are as recorded") {
  const std::filesystem::path folder = std::filesystem::path(KITH_SOURCE_DIR) / "tests/gossip/transcripts";
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    ++files;
    CAPTURE(entry.path().filename().string());
    std::ifstream in(entry.path());
    std::stringstream recorded;
    recorded << in.rdbuf();
    const std::string replayed = replay(recorded);
    if (std::getenv("KITH_REWRITE_TRANSCRIPTS") != nullptr) std::ofstream(entry.path()) << replayed;
    else CHECK(replayed == recorded.str());
  }
  CHECK(files >= 12);
}

}  // namespace
}  // namespace kith::test
