// Goal: what a journal acknowledged is read again, in order, after a kill at any moment; a torn end is told from rot before it.
#include "store/journal_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "store/records.h"
#include "store/store.h"
#include "tests/store/harness.h"

namespace kith::test {
namespace {

namespace fs = std::filesystem;

constexpr JournalHeader kHeader{5, 0, 0x1111, 7};
constexpr std::size_t kFirst = 4096, kAhead = 1000;

JournalRecord record_of(std::uint64_t commit) {
  JournalRecord out;
  out.add({Database::kMeta, "commit", std::to_string(commit)});
  out.add({Database::kCells, "row" + std::to_string(commit), std::string(commit % 50, 'v')});
  return out;
}

void write(const std::string& path, const std::string& bytes) { std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes; }

// The commits that are there, "8 9 10", and "damaged" when something is behind what cannot be read.
std::string commits_in(const std::string& path) {
  const auto header = read_journal_header(path);
  if (!header) return "no header";
  std::string out;
  const JournalRead read = read_journal(path, *header, [&](std::uint64_t commit, const JournalChange& change) {
    if (change.database != Database::kMeta) return;
    REQUIRE(change.value == std::to_string(commit));
    out += (out.empty() ? "" : " ") + std::to_string(commit);
  });
  if (!read.sound) return out + " damaged";
  if (!out.empty()) REQUIRE(out.ends_with(std::to_string(read.last)));
  return out;
}

std::string write_three(const std::string& path) {
  JournalFile journal(path, kAhead);
  journal.begin(kHeader);
  for (const std::uint64_t commit : {8, 9, 11}) journal.append(commit, record_of(commit));
  return bytes_of(path);
}

}  // namespace

TEST_CASE("journal file: what was appended is read, and the header as it was") {
  const TemporaryDirectory directory;
  const std::string path = directory.path("j");
  CHECK_FALSE(read_journal_header(path).has_value());
  const std::string bytes = write_three(path);
  CHECK(commits_in(path) == "8 9 11");
  const auto header = read_journal_header(path);
  REQUIRE(header.has_value());
  CHECK(header->generation == 5);
  CHECK(header->nonce != 0);
  CHECK(header->before == 0x1111);
  CHECK(header->after == 7);
  // Golden bytes: magic, version, generation, nonce, before, after; then a frame's commit and size.
  CHECK(hex(bytes.substr(0, 24)) == "6b6974686a726e6c" "0000000000000001" "0000000000000005");
  CHECK(hex(bytes.substr(24, 24)) == hex(encode_u64(header->nonce)) + "0000000000001111" "0000000000000007");
  CHECK(hex(bytes.substr(kFirst, 8)) == "0000000000000008");
}

TEST_CASE("journal file: a torn end was never acknowledged, wherever it was torn") {
  const TemporaryDirectory directory;
  const std::string path = directory.path("j");
  const std::string whole = write_three(path);
  JournalRecord last = record_of(11);
  std::string record;
  last.encode(11, record);
  const std::size_t end = whole.find_last_not_of('\0') + 1, begin = (end - record.size() - 24 + 7) / 8 * 8 - 8;
  REQUIRE(whole.find("row11") > begin);
  for (std::size_t cut = begin + 8; cut < end; ++cut) {
    CAPTURE(cut);
    write(path, whole.substr(0, cut));  // The file ends there,
    REQUIRE(commits_in(path) == "8 9");
    std::string torn = whole;           // or zeros are there,
    std::fill(torn.begin() + static_cast<std::ptrdiff_t>(cut), torn.end(), '\0');
    if (torn == whole) continue;
    write(path, torn);
    REQUIRE(commits_in(path) == "8 9");
    torn = whole;                       // or its beginning is what did not come.
    std::fill(torn.begin() + static_cast<std::ptrdiff_t>(begin + 8), torn.begin() + static_cast<std::ptrdiff_t>(cut + 1), '\xee');
    write(path, torn);
    REQUIRE(commits_in(path) == "8 9");
  }
}

TEST_CASE("journal file: any bit flipped before the last commit is noticed, unless it is a row's") {
  const TemporaryDirectory directory;
  const std::string path = directory.path("j");
  const std::string whole = write_three(path);
  const std::size_t last = whole.rfind(std::string("\0\0\0\0\0\0\0\x0b", 8));
  REQUIRE(last != std::string::npos);
  int passed_over = 0;
  for (std::size_t bit = kFirst * 8; bit < last * 8; ++bit) {
    CAPTURE(bit);
    write(path, flipped(whole, bit));
    const std::string read = commits_in(path);
    // A row of it, the checksum that is over the row as well, or zeros between two frames.
    passed_over += read == "8 9 11" ? 1 : 0;
    if (read != "8 9 11") REQUIRE(read.ends_with("damaged"));
  }
  CHECK(passed_over >= (8 + 9) * 8);
  CHECK(passed_over < (8 + 9 + 2 * 8 + 2 * 7) * 8);
  for (std::size_t bit = 0; bit < 56 * 8; ++bit) {
    write(path, flipped(whole, bit));
    REQUIRE(commits_in(path) == "no header");
  }
}

TEST_CASE("journal file: what an earlier generation left in it does not count") {
  const TemporaryDirectory directory;
  const std::string path = directory.path("j");
  JournalFile journal(path, kAhead);
  journal.begin(kHeader);
  for (std::uint64_t commit = 8; commit < 60; ++commit) journal.append(commit, record_of(commit));
  const std::uintmax_t bytes = fs::file_size(path);
  const std::uint64_t first = read_journal_header(path)->nonce;
  CHECK(journal.begin({7, 0, first, 100}) != first);
  CHECK(commits_in(path).empty());
  journal.append(101, record_of(101));
  CHECK(commits_in(path) == "101");
  for (std::uint64_t commit = 102; commit < 120; ++commit) journal.append(commit, record_of(commit));
  CHECK(commits_in(path).ends_with(" 119"));
  CHECK(fs::file_size(path) == bytes);  // It is written over.
}

TEST_CASE("journal file: where it cannot be written is said") {
  try {
    JournalFile journal("/nowhere/at/all/j", kAhead);
    FAIL("it was made");
  } catch (const StoreError& error) {
    CHECK(error.kind() == StoreError::Kind::kSync);
    CHECK(std::string(error.what()).find("/nowhere/at/all/j") != std::string::npos);
  }
  if (!fs::exists("/dev/full")) return;
  JournalFile full("/dev/full", kAhead);  // A disk without room.
  try {
    full.begin(kHeader);
    FAIL("there was room");
  } catch (const StoreError& error) {
    CHECK(error.kind() == StoreError::Kind::kSync);
    CHECK(std::string(error.what()).find("free room on the disk") != std::string::npos);
  }
}

}  // namespace kith::test
