// tests/tools/directory_test.cc -- backup, verify and stat: what people see, on sound directories and on garbage.
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "store/transaction.h"
#include "tests/tools/node_fixture.h"

namespace kith {
namespace {

namespace fs = std::filesystem;

// A stopped node's directory and a backup of it.
struct Directories {
  TemporaryDirectory directory;
  std::string node = directory / "n1", backup = directory / "backup";

  Directories() {
    KithdProcess n1({.data = node, .name = "n1", .flags = {"--cluster", "friends", "--shards", "4"}});
    n1.wait_ready();
    const std::string address = n1.client_address();
    const auto run = [&](std::vector<std::string> arguments) {
      arguments.insert(arguments.begin(), {"-H", address});
      const KithRun done = run_kith(arguments);
      CAPTURE(done.err);
      REQUIRE(done.code == 0);
      return done.out;
    };
    for (int i = 0; i < 30; ++i) run({"set", "key" + std::to_string(i), std::string(3000, 'v')});
    run({"sadd", "likes", "tea", "coffee", "milk"});
    run({"srem", "likes", "milk"});
    run({"del", "key7"});
    run({"-t", "orders", "hset", "order", "state", "open", "total", "35"});
    said = run({"backup", backup});
    REQUIRE(n1.terminate().code == 0);
  }

  std::string said;
};

TEST_CASE("backup: says how much went where, as JSON too, and a refusal is exit code 1 with the reason") {
  NodeFixture n1;
  n1.out({"sadd", "likes", "tea", "coffee"});
  const std::string said = n1.out({"backup", n1.directory / "b"});
  CHECK(has(said, "n1: 4 rows, "));  // The member table is two.
  CHECK(has(said, "into " + fs::canonical(n1.directory / "b").string()));
  const auto document = n1.json({"backup", n1.directory / "c"});
  CHECK(document["rows"] == 4);
  CHECK(document["node"] == "n1");
  CHECK(document["bytes"] == fs::file_size(n1.directory / "c/data.mdb"));
  const KithRun again = n1.run({"backup", n1.directory / "b"});
  CHECK(again.code == 1);
  CHECK(has(again.err, "is not empty"));
  CHECK(n1.run({"verify", n1.directory / "b"}).code == 0);
  CHECK(n1.run({"backup"}).code == 2);
}

TEST_CASE("verify and stat: a node's directory and a backup, in words and as JSON") {
  const Directories dirs;
  for (const std::string& where : {dirs.node, dirs.backup}) {
    const KithRun verified = run_kith({"verify", where});
    CAPTURE(verified.err);
    CHECK(verified.code == 0);
    CHECK(has(verified.out, "sound: "));
    CHECK(has(verified.out, where == dirs.node ? "the data of node n1" : "a backup of node n1"));
    CHECK(has(verified.out, "of cluster friends"));
    const auto json = nlohmann::ordered_json::parse(run_kith({"verify", where, "--json"}).out);
    CHECK(json["sound"] == true);
    CHECK(json["findings"].empty());

    const KithRun told = run_kith({"stat", where});
    CHECK(told.code == 0);
    CHECK(has(told.out, "of 4 shards used"));
    const auto stat = nlohmann::ordered_json::parse(run_kith({"stat", where, "--json"}).out);
    CHECK(stat["kind"] == (where == dirs.node ? "node" : "backup"));
    CHECK(stat["node"].is_null() == (where == dirs.backup));
    CHECK(stat["cluster"]["name"] == "friends");
    CHECK(stat["cluster"]["shard_count"] == 4);
    CHECK(stat["clock_origins"] == 1);
    CHECK(stat["damaged_rows"] == 0);
    CHECK(stat["file"]["lost_pages"] == 0);
    std::size_t seen = 0;
    for (const auto& table : stat["tables"]) {
      if (table["table"] == "orders") {
        CHECK(table["kind"] == "hash");
        CHECK(table["rows"] == 2);
        ++seen;
      } else if (table["kind"] == "set") {
        CHECK(table["rows"] == 3);
        CHECK(table["live"] == 2);
        CHECK(table["removed_entries"] >= 1);
        ++seen;
      } else if (table["kind"] == "register") {
        CHECK(table["rows"] == 30);
        CHECK(table["live"] == 29);
        CHECK(table["removed_entries"] == 1);
        ++seen;
      }
    }
    CHECK(seen == 3);
    CHECK(stat["databases"].size() == kDatabaseCount + 2);
  }
}

TEST_CASE("verify and stat: a running node is left alone") {
  NodeFixture n1;
  for (const char* command : {"verify", "stat"}) {
    const KithRun done = run_kith({command, n1.directory / "n1"});
    CHECK(done.code == 2);
    CHECK(has(done.err, "a node is running"));
    CHECK(has(done.err, "kith backup"));
  }
}

TEST_CASE("verify and stat: garbage is a sentence, never a crash (no directory, empty, text, every cut at 4 KiB)") {
  const Directories dirs;
  const TemporaryDirectory scratch;
  fs::create_directory(scratch / "empty");
  fs::create_directory(scratch / "text");
  scratch.write("text/data.mdb", "This is a text, not a store.\n");
  fs::create_directory(scratch / "nothing");
  scratch.write("nothing/data.mdb", "");
  fs::create_directories(scratch / "directory/data.mdb");
  const struct {
    std::string where;
    int verify, stat;
    std::string says;
  } kTable[] = {
      {scratch / "absent", 2, 2, "does not exist"},
      {scratch / "empty", 2, 2, "there is no data.mdb"},
      {scratch / "text/data.mdb", 2, 2, "is not a directory"},
      {scratch / "text", 1, 1, "less than the beginning of a store"},
      {scratch / "nothing", 1, 1, "it is empty"},
      {scratch / "directory", 1, 1, "it is no file"},
  };
  for (const auto& row : kTable) {
    for (const char* command : {"verify", "stat"}) {
      const KithRun done = run_kith({command, row.where});
      CAPTURE(command);
      CAPTURE(row.where);
      CAPTURE(done.out);
      CAPTURE(done.err);
      CHECK(done.code == (command == std::string("stat") ? row.stat : row.verify));
      CHECK(has(done.out + done.err, row.says));
    }
  }
  if (::geteuid() != 0) {  // Root may read everything.
    fs::permissions(dirs.backup + "/data.mdb", fs::perms::none);
    const KithRun done = run_kith({"verify", dirs.backup});
    CHECK(done.code == 2);
    CHECK(has(done.err, "permissions"));
    fs::permissions(dirs.backup + "/data.mdb", fs::perms::owner_read);
  }

  const std::string whole = read_file(dirs.backup + "/data.mdb");
  fs::create_directory(scratch / "cut");
  for (std::size_t size = 4096; size < whole.size(); size += 4096) {
    CAPTURE(size);
    std::ofstream(scratch / "cut/data.mdb", std::ios::binary | std::ios::trunc)
        .write(whole.data(), static_cast<std::streamsize>(size));
    const KithRun verified = run_kith({"verify", scratch / "cut"});
    CHECK(verified.code == 1);
    CHECK(has(verified.out, "cut short"));
    CHECK(has(verified.out, "set the directory aside"));
    if (size % 32768 == 0) CHECK(run_kith({"stat", scratch / "cut"}).code == 1);
  }
}

// Goal: damage in a row, in an inner page and in what says who it is are told apart, each with what to do.
TEST_CASE("verify: says what is damaged and what to do") {
  const Directories dirs;
  const std::string whole = read_file(dirs.backup + "/data.mdb");
  const auto with = [&](std::string bytes) {
    std::ofstream(dirs.backup + "/data.mdb", std::ios::binary | std::ios::trunc) << bytes;
    return run_kith({"verify", dirs.backup});
  };
  std::string row = whole;
  std::size_t rows = 0;
  for (std::size_t at = row.find("vvvvvvvv"); at != std::string::npos; at = row.find("vvvvvvvv", at + 4096)) {
    row[at + 4] = 'w';
    ++rows;
  }
  REQUIRE(rows > 0);
  KithRun done = with(row);
  CHECK(done.code == 1);
  CHECK(has(done.out, "is damaged\n"));
  CHECK(has(done.out, "mends damaged rows from the other members"));

  std::size_t found = 0;
  for (std::size_t page = 2; page < whole.size() / 4096; ++page) {
    std::string inner = whole;  // The number that a page says it has; those that are free say nothing.
    inner[page * 4096] = static_cast<char>(inner[page * 4096] ^ 1);
    done = with(inner);
    if (done.code == 0) continue;
    ++found;
    CHECK(done.code == 1);
    CHECK(has(done.out, "page"));
    CHECK(has(done.out, "Start no node on it"));
  }
  CHECK(found > 10);

  std::string meta = whole;
  for (std::size_t at = meta.find("friends"); at != std::string::npos; at = meta.find("friends", at + 1)) meta[at] = 'F';
  done = with(meta);
  CHECK(done.code == 1);
  CHECK(has(done.out, "cluster_name"));
  CHECK(has(done.out, "cannot be mended"));
  CHECK(run_kith({"stat", dirs.backup}).code == 1);

  CHECK(with(whole).code == 0);
  std::ofstream(dirs.backup + "/kith.backup") << "format=7\n";
  done = run_kith({"verify", dirs.backup});
  CHECK(done.code == 1);
  CHECK(has(done.out, "has format \"7\""));
}

}  // namespace
}  // namespace kith
