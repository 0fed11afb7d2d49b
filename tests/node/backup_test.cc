// tests/node/backup_test.cc -- backups of a real kithd under load, and nodes made of them.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "node/backup_note.h"
#include "store/offline_store.h"
#include "tests/node/kithd_process.h"
#include "tests/node/temporary_directory.h"

namespace kith {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

constexpr std::chrono::seconds kAnswerIn{60};

ClientReply backup(Client& client, const std::string& directory) {
  Request request;
  request.op = ClientOp::kBackup;
  request.text = directory;
  return client.call(request, kAnswerIn);
}

ClientReply add(Client& client, const std::string& key, const std::string& member) {
  Request request;
  request.op = ClientOp::kSadd;
  request.key = key;
  request.members = {member};
  request.tag = client.mint_tag();
  return client.call(request, kAnswerIn);
}

json status_of(KithdProcess& node) {
  Client client = node.connect();
  Request request;
  request.op = ClientOp::kStatus;
  return json::parse(client.call(request, kAnswerIn).document);
}

std::string root_of(KithdProcess& node) { return status_of(node)["store"]["root"]; }

std::set<std::string> members(KithdProcess& node, const std::string& key) {
  Client client = node.connect();
  std::set<std::string> out;
  Request request;
  request.op = ClientOp::kSmembers;
  request.key = key;
  do {
    const ClientReply page = client.call(request, kAnswerIn);
    REQUIRE(page.status == Status::kOk);
    out.insert(page.members.begin(), page.members.end());
    request.after = page.next;
  } while (!request.after.empty());
  return out;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::vector<std::string> files_in(const std::string& directory) {
  std::vector<std::string> out;
  for (const auto& entry : fs::directory_iterator(directory)) out.push_back(entry.path().filename().string());
  std::sort(out.begin(), out.end());
  return out;
}

// Writes members "PREFIX0", "PREFIX1", .. into the set "load" until it is told to stop.
class Writer {
 public:
  Writer(KithdProcess& node, std::string prefix) : client_(node.connect()), prefix_(std::move(prefix)) {
    thread_ = std::thread([this] {
      while (!stop_) {
        if (add(client_, "load", prefix_ + std::to_string(written_)).status != Status::kOk) {
          failed_ = true;
          return;
        }
        ++written_;
      }
    });
  }
  ~Writer() { stop(); }
  void stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  std::size_t written() const { return written_; }
  bool failed() const { return failed_; }

 private:
  Client client_;
  const std::string prefix_;
  std::atomic<std::size_t> written_{0};
  std::atomic<bool> stop_{false}, failed_{false};
  std::thread thread_;
};

// Goal: nothing that was acknowledged before the backup is missing from it, it is one moment, and a node made of it
// catches up with the rest; writes go on meanwhile.
TEST_CASE("backup: taken under load, restored as two new nodes that join, and all four are equal at the end") {
  const TemporaryDirectory dir;
  KithdProcess n1({.data = dir / "n1", .name = "n1"});
  n1.wait_ready();
  KithdProcess n2({.data = dir / "n2", .name = "n2", .join = {n1.peer_address()}});
  n2.wait_ready();
  Client client = n1.connect();
  for (int i = 0; i < 2000; ++i) {
    Request request;
    request.op = ClientOp::kHset;
    request.key = "hash" + std::to_string(i % 20);
    request.fields = {{"f" + std::to_string(i), std::string(500, static_cast<char>('a' + i % 26))}};
    client.send(request);
  }
  for (int i = 0; i < 2000; ++i) REQUIRE(client.receive(kAnswerIn)->status == Status::kOk);

  Writer at1(n1, "one"), at2(n2, "two");
  REQUIRE(eventually([&] { return at1.written() > 50 && at2.written() > 50; }));
  const std::size_t before = at1.written();
  const ClientReply taken = backup(client, dir / "backup");
  CAPTURE(taken.message);
  REQUIRE(taken.status == Status::kOk);
  const std::size_t after = at1.written();
  REQUIRE(eventually([&] { return at1.written() > after + 50; }));
  CHECK_FALSE(at1.failed());
  CHECK_FALSE(at2.failed());

  const json document = json::parse(taken.document);
  CHECK(document["path"] == fs::canonical(dir / "backup").string());
  CHECK(files_in(dir / "backup") == std::vector<std::string>{"data.mdb", "kith.backup"});
  struct stat found {};
  REQUIRE(::stat((dir / "backup").c_str(), &found) == 0);
  CHECK((found.st_mode & 0777) == 0700);
  {
    const OfflineStore store(dir / "backup");
    CHECK(store.verify() == std::vector<std::string>{});
    const auto snapshot = store.snapshot();
    CHECK_FALSE(snapshot->meta("node_id"));
    CHECK_FALSE(snapshot->meta("origin"));
    std::size_t ones = 0, rows = 0;
    bool gap = false;
    std::set<std::string> there;
    snapshot->scan({}, {}, [&](const StoreKey&, const Row* row) {
      REQUIRE(row != nullptr);
      ++rows;
      if (row->cell.key == "load" && row->cell.member.starts_with("one")) there.insert(row->cell.member);
      return true;
    });
    for (std::size_t i = 0; i <= after; ++i) {
      const bool present = there.contains("one" + std::to_string(i));
      ones += present ? 1 : 0;
      gap = gap || (present && ones != i + 1);
    }
    CHECK_FALSE(gap);  // One moment: a writer's acknowledged writes up to somewhere, and none behind.
    CHECK(ones >= before);
    CHECK(ones == there.size());
    CHECK(document["rows"] == read_backup_note(dir / "backup")->rows);
    CHECK(document["rows"] == rows);
  }

  KithdProcess n3({.data = dir / "n3", .name = "n3", .join = {n1.peer_address()}, .flags = {"--restore", dir / "backup"}});
  n3.wait_ready();
  KithdProcess n4({.data = dir / "n4", .name = "n4", .join = {n2.peer_address()}, .flags = {"--restore", dir / "backup"}});
  n4.wait_ready();
  REQUIRE(eventually([&] { return members(n3, "load").size() > before; }));
  at1.stop();
  at2.stop();
  CHECK(add(client, "load", "last").status == Status::kOk);
  REQUIRE(eventually([&] {
    const std::string root = root_of(n1);
    return root == root_of(n2) && root == root_of(n3) && root == root_of(n4) && members(n4, "load").contains("last");
  }));
  const auto all = members(n3, "load");
  CHECK(all.size() == at1.written() + at2.written() + 1);
  for (std::size_t i = 0; i < at1.written(); ++i) REQUIRE(all.contains("one" + std::to_string(i)));
  for (std::size_t i = 0; i < at2.written(); ++i) REQUIRE(all.contains("two" + std::to_string(i)));
  // The root is of data alone: that the two that came last know each other takes a round.
  REQUIRE(eventually([&] { return status_of(n3)["members"].size() == 4; }));
  const json of3 = status_of(n3), of4 = status_of(n4), of1 = status_of(n1);
  CHECK(of3["node"]["id"] != of4["node"]["id"]);
  CHECK(of3["node"]["id"] != of1["node"]["id"]);
  CHECK(of3["node"]["origin"] != of4["node"]["origin"]);
  CHECK(of3["cluster"]["id"] == of1["cluster"]["id"]);
  CHECK(of3["members"].size() == 4);
  // What it holds from the backup it did not ask for again.
  CHECK(of3["counters"].value("rows_pulled", std::uint64_t{0}) < at1.written() + at2.written());
  Client client3 = n3.connect();
  CHECK(add(client3, "load", "from three").status == Status::kOk);
  REQUIRE(eventually([&] { return members(n2, "load").contains("from three"); }));

  // A restored node is one like any other.
  REQUIRE(n3.terminate().code == 0);
  CHECK(run_kithd({"--restore", dir / "backup", "--data", dir / "n3", "--name", "n3"}).code == 1);
  n1.kill();
  n2.kill();
  n4.kill();
  for (const char* name : {"n1", "n2", "n3", "n4"}) {
    CHECK(OfflineStore(dir / name).verify() == std::vector<std::string>{});
  }
}

TEST_CASE("backup: the last node's backup is the cluster again, and its time goes on") {
  const TemporaryDirectory dir;
  std::string cluster;
  {
    KithdProcess n1({.data = dir / "n1", .name = "n1", .flags = {"--cluster", "friends", "--shards", "8"}});
    n1.wait_ready();
    Client client = n1.connect();
    for (int i = 0; i < 100; ++i) REQUIRE(add(client, "likes", "m" + std::to_string(i)).status == Status::kOk);
    REQUIRE(backup(client, dir / "b").status == Status::kOk);
    REQUIRE(backup(client, dir / "c").status == Status::kOk);  // One after the other is fine.
    cluster = status_of(n1)["cluster"]["id"];
    n1.kill();
  }
  fs::remove_all(dir / "n1");
  fs::create_directory(dir / "n2");  // An empty directory will do.
  KithdProcess n2({.data = dir / "n2", .name = "n2", .flags = {"--restore", dir / "b", "--cluster", "friends"}});
  n2.wait_ready();
  CHECK(status_of(n2)["cluster"]["id"] == cluster);
  CHECK(members(n2, "likes").size() == 100);
  CHECK(contains(n2.output(), "first member again of cluster friends"));
  CHECK(contains(n2.output(), "members when the backup was taken: n1"));
  Client client = n2.connect();
  CHECK(add(client, "likes", "more").number == 1);
  KithdProcess n3({.data = dir / "n3", .name = "n3", .join = {n2.peer_address()}});
  n3.wait_ready();
  REQUIRE(eventually([&] { return members(n3, "likes").size() == 101; }));
}

TEST_CASE("backup: what cannot be is refused with what to do, and leaves nothing behind") {
  const TemporaryDirectory dir;
  KithdProcess n1({.data = dir / "n1", .name = "n1"});
  n1.wait_ready();
  Client client = n1.connect();
  fs::create_directories(dir / "full/inner");
  fs::create_directory(dir / "empty");
  dir.write("file", "x");
  const struct {
    std::string directory, code, says;
  } kTable[] = {
      {"", "bad_request", "missing"},
      {std::string("a\0b", 3), "bad_request", "NUL"},
      {dir / "full", "bad_directory", "not empty"},
      {dir / "file", "bad_directory", "not a directory"},
      {dir / "file/inner", "bad_directory", "no directory"},
      {dir / "absent/inner", "bad_directory", "make it first"},
      {dir / "n1", "bad_directory", "data directory of this node"},
      {dir / "n1/backup", "bad_directory", "data directory of this node"},
      {dir / "full/../n1/backup/", "bad_directory", "data directory of this node"},
      {"/", "bad_directory", "not empty"},
      {"/proc/backup", "bad_directory", "cannot make a directory"},
  };
  for (const auto& row : kTable) {
    const ClientReply reply = backup(client, row.directory);
    CAPTURE(row.directory);
    CAPTURE(reply.message);
    CHECK(reply.status == Status::kError);
    CHECK(reply.code == row.code);
    CHECK(contains(reply.message, row.says));
  }
  CHECK(backup(client, dir / "empty").status == Status::kOk);
  CHECK(backup(client, dir / "new/").status == Status::kOk);
  CHECK(backup(client, dir / "new").code == "bad_directory");
  for (const std::string& name : files_in(dir.path())) CHECK_FALSE(contains(name, "unfinished"));
}

TEST_CASE("backup: one at a time, and a node that is stopped gives up the one it takes") {
  const TemporaryDirectory dir;
  KithdProcess n1({.data = dir / "n1", .name = "n1"});
  n1.wait_ready();
  Client client = n1.connect();
  for (int i = 0; i < 60; ++i) {
    Request request;
    request.op = ClientOp::kSet;
    request.key = "k" + std::to_string(i);
    request.value = std::string(1 << 20, 'v');
    REQUIRE(client.call(request, kAnswerIn).status == Status::kOk);
  }
  for (int i = 0; i < 8; ++i) {
    Request request;
    request.op = ClientOp::kBackup;
    request.text = dir / ("b" + std::to_string(i));
    client.send(request);
  }
  std::size_t taken = 0, busy = 0;
  for (int i = 0; i < 8; ++i) {
    const auto reply = client.receive(kAnswerIn);
    REQUIRE(reply);
    CAPTURE(reply->message);
    taken += reply->status == Status::kOk ? 1 : 0;
    busy += reply->code == "backup_running" ? 1 : 0;
  }
  CHECK(taken >= 1);
  CHECK(busy >= 1);
  CHECK(taken + busy == 8);

  Request request;
  request.op = ClientOp::kBackup;
  request.text = dir / "last";
  client.send(request);
  REQUIRE(eventually([&] {
    for (const std::string& name : files_in(dir.path())) {
      if (name.starts_with("last")) return true;
    }
    return false;
  }));
  CHECK(n1.terminate().code == 0);
  // Whole, or not there.
  if (fs::exists(dir / "last")) CHECK(OfflineStore(dir / "last").verify().empty());
  for (const std::string& name : files_in(dir.path())) CHECK_FALSE(contains(name, "unfinished"));
}

TEST_CASE("restore: what is no backup, does not fit or would overwrite is refused, and nothing is changed") {
  const TemporaryDirectory dir;
  {
    KithdProcess n1({.data = dir / "n1", .name = "n1", .flags = {"--cluster", "friends", "--shards", "8"}});
    n1.wait_ready();
    Client client = n1.connect();
    REQUIRE(add(client, "likes", "tea").status == Status::kOk);
    REQUIRE(backup(client, dir / "b").status == Status::kOk);
    REQUIRE(n1.terminate().code == 0);
  }
  fs::create_directory(dir / "used");
  dir.write("used/notes.txt", "mine");
  fs::create_directory(dir / "half");
  fs::copy_file(dir / "b/data.mdb", dir / "half/data.mdb");
  fs::copy(dir / "b", dir / "cut");
  fs::resize_file(dir / "cut/data.mdb", fs::file_size(dir / "cut/data.mdb") / 2);
  fs::copy(dir / "b", dir / "mixed");
  fs::copy_file(dir / "n1/data.mdb", dir / "mixed/data.mdb", fs::copy_options::overwrite_existing);
  fs::copy(dir / "b", dir / "garbled");
  dir.write("garbled/kith.backup", "format=1\nnode=zz\n");
  const struct {
    std::vector<std::string> flags;
    std::string says;
  } kTable[] = {
      {{"--restore", dir / "absent", "--data", dir / "new", "--name", "n2"}, "is no backup"},
      {{"--restore", dir / "n1", "--data", dir / "new", "--name", "n2"}, "the data directory of a node"},
      {{"--restore", dir / "half", "--data", dir / "new", "--name", "n2"}, "is no backup"},
      {{"--restore", dir / "cut", "--data", dir / "new", "--name", "n2"}, "is damaged: it is cut short"},
      {{"--restore", dir / "mixed", "--data", dir / "new", "--name", "n2"}, "is that of node 'n1'"},
      {{"--restore", dir / "garbled", "--data", dir / "new", "--name", "n2"}, "is damaged"},
      {{"--restore", dir / "b", "--data", dir / "new", "--name", "n1"}, "choose another --name"},
      {{"--restore", dir / "b", "--data", dir / "new", "--name", "n2", "--cluster", "others"}, "of cluster 'friends', not of 'others'"},
      {{"--restore", dir / "b", "--data", dir / "new", "--name", "n2", "--shards", "9"}, "has 8 shards"},
      {{"--restore", dir / "b", "--data", dir / "new", "--name", "n2", "--retry-window", "9m"}, "has a retry window of 10m"},
      {{"--restore", dir / "b", "--data", dir / "n1", "--name", "n2"}, "has a store already"},
      {{"--restore", dir / "b", "--data", dir / "used", "--name", "n2"}, "is not empty (there is notes.txt)"},
      {{"--restore", dir / "b", "--data", dir / "b", "--name", "n2"}, "is a backup"},
      {{"--data", dir / "b", "--name", "n2"}, "is a backup"},
  };
  for (const auto& row : kTable) {
    std::vector<std::string> flags = row.flags;
    flags.insert(flags.end(), {"--client", "127.0.0.1:0", "--peer", "127.0.0.1:0"});
    const KithdRun run = run_kithd(flags);
    CAPTURE(row.says);
    CAPTURE(run.output);
    CHECK(run.code == 1);
    CHECK(contains(run.output, row.says));
  }
  CHECK_FALSE(fs::exists(dir / "new"));
  CHECK(files_in(dir / "b") == std::vector<std::string>{"data.mdb", "kith.backup"});
  CHECK(OfflineStore(dir / "b").verify().empty());

  // A restore that was killed: neither a node that holds nothing, nor in the way of the next attempt.
  fs::create_directories(dir / "new/restoring");
  dir.write("new/restoring/data.mdb", "the first bytes");
  const KithdRun plain = run_kithd({"--data", dir / "new", "--name", "n2", "--client", "127.0.0.1:0", "--peer", "127.0.0.1:0"});
  CHECK(plain.code == 1);
  CHECK(contains(plain.output, "was begun and did not end"));
  KithdProcess n2({.data = dir / "new", .name = "n2", .flags = {"--restore", dir / "b"}});
  n2.wait_ready();
  CHECK(members(n2, "likes") == std::set<std::string>{"tea"});
}

TEST_CASE("restore: a member of another cluster refuses the node, and nothing flows") {
  const TemporaryDirectory dir;
  KithdProcess n1({.data = dir / "n1", .name = "n1"}), other({.data = dir / "other", .name = "other"});
  n1.wait_ready();
  other.wait_ready();
  Client client = n1.connect();
  REQUIRE(add(client, "likes", "tea").status == Status::kOk);
  REQUIRE(backup(client, dir / "b").status == Status::kOk);
  KithdProcess n2({.data = dir / "n2", .name = "n2", .join = {other.peer_address()}, .flags = {"--restore", dir / "b"}});
  CHECK(n2.wait_exit().code == 2);
  CHECK(contains(n2.output(), "refused: this is cluster"));
  CHECK(members(other, "likes").empty());
}

}  // namespace
}  // namespace kith
