// tests/store/flips_test.cc -- bits that flipped while nobody looked: what the page check passes, LMDB can live with.
//
// Goal: a file in which the page check finds nothing is opened, read, written to and closed, and its pages are as sound
// afterwards: no flip makes LMDB end the process, fail in a write or harm other pages.
// Method: rounds; in each some bits of a sound file with free pages are flipped (seeded), every other one where LMDB keeps
// its books.  What the check passes is used by a child process.  KITH_FLIPS_ROUNDS=N for more, KITH_FLIPS_SEED=N for others.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

#include "store/offline_store.h"
#include "store/page_check.h"
#include "tests/store/harness.h"

namespace kith::test {
namespace {

const LmdbOptions kOptions{.map_bytes = 256 << 20};
constexpr std::size_t kPageBytes = 4096;
constexpr int kDone = 0, kRefused = 3, kFailed = 4;  // How a child ends: kRefused: it did not open.

std::uint64_t number_in(const char* variable, std::uint64_t otherwise) {
  const char* const text = std::getenv(variable);
  return text == nullptr ? otherwise : std::stoull(text);
}

// Adds, writes of all sizes and collected rows, so that pages split, merge and become free.
void churn(Store& store, std::uint64_t seed, int commits) {
  RandomChanges changes(seed);
  const auto horizon = Timestamp{seed << 32};
  for (int i = 0; i < commits; ++i) {
    StoreBatch batch;
    std::vector<StoreKey> touched;
    for (int j = 0; j < 30; ++j) {
      const RandomChange change = changes.next(60, 60);
      batch.merge(change.shard, change.cell, change.delta);
    }
    for (int j = 0; j < 6; ++j) {
      const CellKey cell = value("value" + std::to_string(changes.below(400)));
      const std::uint64_t at = (seed << 32) + static_cast<std::uint64_t>(i * 10 + j);
      const std::size_t bytes = changes.below(20) == 0 ? 5000 + changes.below(9000) : changes.below(1500);
      batch.merge(3, cell, changes.below(3) == 0 ? erased(at) : written(std::string(bytes, 'x'), at));
      touched.push_back(store_key(3, cell));
    }
    for (const StoreKey& key : touched) batch.collect(key, horizon);
    batch.hold(3, kNode1, Timestamp{(seed << 32) + static_cast<std::uint64_t>(i)});
    batch.set_cursor(3, NodeId{7}, {kNode1, static_cast<Lsn>(i)});
    store.commit(batch);
  }
}

// What a node does, all of it at once.
void use(Store& store, std::uint64_t seed) {
  {
    const auto snapshot = store.snapshot();
    for (const ShardId shard : snapshot->shards()) {
      snapshot->scan(shard_prefix(shard), {}, [](const StoreKey&, const Row*) { return true; });
      snapshot->feed_after(shard, 0, [](Lsn, const StoreKey&, const Row*) { return true; });
      (void)snapshot->buckets(shard);
      (void)snapshot->held(shard);
    }
    snapshot->keys("default", "", std::nullopt, [](const KeyCount&) { return true; });
  }
  churn(store, seed, 12);
  StoreBatch batch;
  for (const ShardId shard : store.snapshot()->shards()) batch.recount(shard);
  store.commit(batch);
  churn(store, seed + 1, 12);
}

struct Ending {
  int code = 0, signal = 0;
  std::string said;
};

// SUBTLE: in a process of its own, so that a signal is a finding, and no environment of LMDB is open across the fork.
Ending use_in_child(const std::string& directory, std::uint64_t seed) {
  const std::string words = directory + ".words";
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const int fd = ::open(words.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ::dup2(fd, 2);
    for (const int number : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) ::signal(number, SIG_DFL);  // Not doctest's.
    int code = kRefused;
    try {
      const auto store = LmdbStore::open(directory, kOptions);
      code = kFailed;
      use(*store, seed);
      code = kDone;
    } catch (const std::exception& error) {
      (void)!::write(2, error.what(), std::strlen(error.what()));
    }
    ::_exit(code);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  std::ifstream in(words, std::ios::binary);
  Ending out{WIFEXITED(status) ? WEXITSTATUS(status) : -1, WIFSIGNALED(status) ? WTERMSIG(status) : 0,
             {std::istreambuf_iterator<char>(in), {}}};
  return out;
}

bool tells_what_to_do(const std::string& said) {
  return said.find("kith verify") != std::string::npos || said.find("et the directory aside") != std::string::npos;
}

TEST_CASE("flips: a file that the page check passes is used without LMDB tripping over it (400 rounds)") {
  const TemporaryDirectory directory;
  const std::string node = directory.path("node"), file = node + "/data.mdb";
  {
    const auto store = LmdbStore::open(node, kOptions);
    churn(*store, 1, 150);
    REQUIRE(store->verify().empty());
  }
  const PageReport sound = check_pages(file);
  REQUIRE(sound.findings.empty());
  REQUIRE(sound.free_pages > 20);
  REQUIRE(sound.page_bytes == kPageBytes);
  REQUIRE(::truncate(file.c_str(), static_cast<off_t>(sound.pages * kPageBytes)) == 0);
  std::ifstream in(file, std::ios::binary);
  const std::string whole{std::istreambuf_iterator<char>(in), {}};

  const std::uint64_t rounds = number_in("KITH_FLIPS_ROUNDS", 400);
  std::mt19937_64 random(number_in("KITH_FLIPS_SEED", 20261123));
  std::size_t refused_pages = 0, refused_records = 0, used = 0;
  for (std::uint64_t round = 0; round < rounds; ++round) {
    CAPTURE(round);
    std::string bytes = whole;
    std::string flips;
    for (std::uint64_t i = 0, n = 1 + random() % 3; i < n; ++i) {
      const std::size_t page = random() % sound.pages;
      std::size_t at = page * kPageBytes + random() % kPageBytes;
      const std::uint64_t where = random() % 4;
      if (where == 0) at = page * kPageBytes + random() % 48;
      if (where == 0 && random() % 8 == 0) at = random() % 2 * kPageBytes + random() % 152;  // The meta pages.
      if (where == 1) {  // A node's header.
        std::uint16_t lower = 0, node_at = 0;
        std::memcpy(&lower, &whole[page * kPageBytes + 12], 2);
        if (lower > 16 && lower < kPageBytes) {
          std::memcpy(&node_at, &whole[page * kPageBytes + 16 + random() % (lower - 16U) / 2 * 2], 2);
          if (node_at < kPageBytes - 8) at = page * kPageBytes + node_at + random() % 8;
        }
      }
      const auto bit = static_cast<unsigned>(random() % 8);
      bytes[at] = static_cast<char>(bytes[at] ^ (1U << bit));
      flips += " " + std::to_string(at / kPageBytes) + "+" + std::to_string(at % kPageBytes) + "." + std::to_string(bit);
    }
    CAPTURE(flips);
    std::ofstream(file, std::ios::binary | std::ios::trunc).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    if (!check_pages(file).findings.empty()) {
      ++refused_pages;
      if (round % 4 == 0) {  // Whoever goes on without the check may be ended by a signal, or is told what to do.
        const Ending ending = use_in_child(node, 10 + round);
        CAPTURE(ending.said);
        // The number of the last page flipped, and LMDB believes it.
        const bool full = ending.said.find("larger map") != std::string::npos || ending.said.find("allocate memory") != std::string::npos;
        if ((ending.code == kRefused || ending.code == kFailed) && !full) CHECK(tells_what_to_do(ending.said));
      }
      continue;
    }
    const Ending ending = use_in_child(node, 10 + round);
    CAPTURE(ending.said);
    CHECK(ending.signal == 0);
    if (ending.code == kRefused) {
      ++refused_records;
      CHECK(tells_what_to_do(ending.said));
      continue;
    }
    ++used;
    CHECK(ending.code == kDone);
    const PageReport after = check_pages(file);
    const std::string finding = after.findings.empty() ? "" : after.findings.front();
    CHECK(finding == "");
  }
  MESSAGE(rounds, " rounds: refused by the page check ", refused_pages, ", for a record ", refused_records, ", used ", used);
  CHECK(refused_pages > rounds / 10);
  CHECK(used > rounds / 10);
}

}  // namespace
}  // namespace kith::test
