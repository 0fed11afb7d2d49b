#include "store/journal_recovery.h"

#include <filesystem>

#include "crdt/bytes.h"
#include "store/journal_file.h"
#include "store/records.h"
#include "store/store.h"

namespace kith {
namespace {

constexpr std::string_view kHeadKey = "head";

constexpr const char* kWayOut =
    ".  Put back the files that belong together; or set the data directory aside and let the node join again, its peers have what they "
    "were sent; or restore a backup";

[[noreturn]] void fail(const std::string& what) { throw StoreError(StoreError::Kind::kCorrupt, what + kWayOut); }

[[noreturn]] void fail_damaged(const std::string& path) {
  fail("the journal " + path + " is damaged or cut short: what was written last cannot be told any more");
}

// Of the generation `header.generation`, whose header it is.
std::uint64_t load(const std::string& directory, const JournalHeader& header, RecentTable& into) {
  const std::string path = journal_path(directory, header.generation);
  const JournalRead read = read_journal(path, header, [&](std::uint64_t commit, const JournalChange& change) {
    into.put(change.database, change.key, change.value, commit);
  });
  if (!read.sound) fail_damaged(path);
  return read.last;
}

// What comes of a data file that was put back, or copied before its journal was: the trees lack what is behind them.
void refuse_newer(const std::string& directory, const std::optional<JournalHeader>& header, std::uint64_t generation) {
  if (!header || header->generation < generation) return;
  const std::string path = journal_path(directory, header->generation);
  const JournalRead read = read_journal(path, *header, [](std::uint64_t, const JournalChange&) {});
  if (read.last == header->after && read.sound) return;  // Nothing was ever acknowledged in it.
  fail("data.mdb in " + directory + " is older than the journal " + path + " beside it, which has writes that go on from a later one");
}

}  // namespace

void put_journal_head(WriteTransaction& file, const JournalHead& head) {
  ByteWriter out;
  for (const std::uint64_t value : {head.generation, head.nonce, head.frozen}) out.u64(value);
  file.put(Database::kJournal, kHeadKey, seal(Database::kJournal, kHeadKey, out.view()));
}

JournalHead journal_head(const ReadTransaction& file, const std::string& directory) {
  const auto sealed = file.get(Database::kJournal, kHeadKey);
  if (!sealed) return {};
  const auto bytes = unseal(Database::kJournal, kHeadKey, *sealed);
  ByteReader in(bytes.value_or(std::string_view{}));
  const JournalHead out{in.u64(), in.u64(), in.u64()};
  if (!in.done()) fail("data.mdb in " + directory + " does not say which journal belongs to it: that record is damaged");
  return out;
}

std::shared_ptr<RecentTable> read_journals(const ReadTransaction& file, const std::string& directory) {
  const JournalHead head = journal_head(file, directory);
  const std::string path = journal_path(directory, head.generation);
  const auto first = read_journal_header(path), second = read_journal_header(journal_path(directory, head.generation + 1));
  if (!head.open()) {
    refuse_newer(directory, first, head.generation);
    refuse_newer(directory, second, head.generation);
    return nullptr;
  }
  if (!first || first->generation != head.generation || first->nonce != head.nonce) {
    fail("the journal " + path + " that data.mdb in " + directory + " names is " + (first ? "another one: the two are of different times or stores" : "not there, or its beginning is damaged"));
  }
  std::error_code ignored;
  std::uintmax_t bytes = 0;
  for (const std::uint64_t slot : {0, 1}) {
    const auto size = std::filesystem::file_size(journal_path(directory, slot), ignored);
    if (!ignored) bytes += size;
  }
  const auto table = std::make_shared<RecentTable>(bytes);
  const std::uint64_t last = load(directory, *first, *table);
  if (head.frozen != 0 && last != head.frozen) fail_damaged(path);
  if (!second || second->generation <= head.generation) {  // Of an earlier one, which is in the trees.
    if (head.frozen != 0) fail("the journal " + journal_path(directory, head.generation + 1) + " is not there, or its beginning is damaged: it goes on where " + path + " ends");
    return table;
  }
  if (second->generation != head.generation + 1 || second->before != head.nonce) {
    fail("the journals " + path + " and " + journal_path(directory, head.generation + 1) + " are of different times or stores");
  }
  if (second->after != last) fail_damaged(path);
  (void)load(directory, *second, *table);
  return table;
}

std::shared_ptr<RecentTable> read_journal_of_format_3(const ReadTransaction& file, const std::string& directory) {
  constexpr std::size_t kBytesMost = 64 << 20;  // Of what it kept in memory.
  const auto table = std::make_shared<RecentTable>(kBytesMost);
  const bool sound = read_journal_of_format_3(file, [&](std::uint64_t commit, const JournalChange& change) {
    table->put(change.database, change.key, change.value, commit);
  });
  if (!sound) fail("the journal in " + directory + "/data.mdb is damaged: what was written last cannot be told any more");
  return table;
}

void remove_journals(const std::string& directory) {
  std::error_code ignored;
  for (const std::uint64_t slot : {0, 1}) std::filesystem::remove(journal_path(directory, slot), ignored);
}

}  // namespace kith
