// tests/tools/session_file_test.cc -- commands that run and end share one session.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <fstream>
#include <set>
#include <thread>

#include "tests/node/temporary_directory.h"
#include "tests/tools/node_fixture.h"
#include "tools/kith/session_file.h"

namespace kith {
namespace {

using tools::next_tag_of_lasting_session;

const std::string kCluster = "00000000000000c1", kOther = "00000000000000c2";

Tag fresh(std::int64_t ms, std::uint64_t actor) { return {Timestamp::at_ms(ms), ActorId{actor}}; }

TEST_CASE("session file: tags of one cluster have one actor and rise, whatever the clock does") {
  const TemporaryDirectory directory;
  const std::string path = directory / "session";
  const Tag first = next_tag_of_lasting_session(path, kCluster, fresh(1000, 7));
  CHECK(first == fresh(1000, 7));
  CHECK(next_tag_of_lasting_session(path, kCluster, fresh(1000, 8)) == Tag{Timestamp{first.at.value + 1}, ActorId{7}});
  CHECK(next_tag_of_lasting_session(path, kCluster, fresh(900, 9)) == Tag{Timestamp{first.at.value + 2}, ActorId{7}});
  CHECK(next_tag_of_lasting_session(path, kCluster, fresh(2000, 10)) == fresh(2000, 7));
  CHECK(next_tag_of_lasting_session(path, kOther, fresh(500, 11)) == fresh(500, 11));
  CHECK(next_tag_of_lasting_session(path, kCluster, fresh(2001, 12)) == fresh(2001, 7));
  CHECK(next_tag_of_lasting_session(path, kOther, fresh(501, 13)) == fresh(501, 11));
}

// Goal: a session whose last tag is ahead of the cluster's time does not lock its user out.
TEST_CASE("session file: a last tag from the future ends the session") {
  const TemporaryDirectory directory;
  const std::string path = directory / "session";
  (void)next_tag_of_lasting_session(path, kCluster, fresh(100'000, 7));
  CHECK(next_tag_of_lasting_session(path, kCluster, fresh(50'000, 8)) == fresh(50'000, 8));
  CHECK(next_tag_of_lasting_session(path, kCluster, fresh(50'001, 9)) == fresh(50'001, 8));
}

TEST_CASE("session file: without one, or with nonsense in it, each command is a session of its own") {
  const TemporaryDirectory directory;
  CHECK(next_tag_of_lasting_session("", kCluster, fresh(1000, 7)) == fresh(1000, 7));
  CHECK(next_tag_of_lasting_session(directory / "no/such/place", kCluster, fresh(1000, 8)) == fresh(1000, 8));
  CHECK(next_tag_of_lasting_session(directory.path(), kCluster, fresh(1000, 9)) == fresh(1000, 9));
  for (const std::string& text : {std::string("nonsense\n"), kCluster + " 12-34\n", kCluster, std::string(100'000, 'x')}) {
    const std::string path = directory.write("session", text);
    CHECK(next_tag_of_lasting_session(path, kCluster, fresh(1000, 7)) == fresh(1000, 7));
    CHECK(next_tag_of_lasting_session(path, kCluster, fresh(1000, 8)).actor == ActorId{7});
  }
}

TEST_CASE("session file: no tag is minted twice by commands that run at once (4 threads, 400 tags)") {
  const TemporaryDirectory directory;
  const std::string path = directory / "session";
  std::vector<std::vector<Tag>> minted(4);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < minted.size(); ++i) {
    threads.emplace_back([&, i] {
      for (int n = 0; n < 100; ++n) minted[i].push_back(next_tag_of_lasting_session(path, kCluster, fresh(1000, i + 1)));
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<Tag> all;
  std::set<ActorId> actors;
  for (const auto& tags : minted) {
    for (const Tag& tag : tags) all.insert(tag), actors.insert(tag.actor);
  }
  CHECK(all.size() == 400);
  CHECK(actors.size() == 1);
}

// Goal: an element that is added again and again by commands does not grow.
TEST_CASE("session file: an element added by many commands keeps one entry") {
  NodeFixture n1;
  const TemporaryDirectory directory;
  const KithInput input{.environment = {{"KITH_SESSION_FILE", directory / "session"}}};
  for (int i = 0; i < 5; ++i) CHECK(n1.run({"sadd", "hosts", "web1"}, input).code == 0);
  const auto stored = n1.json({"explain", "hosts", "web1"})["nodes"][0]["stored"][0];
  CHECK(stored["entries"] == 1);
  CHECK(n1.run({"srem", "hosts", "web1"}, input).out == "1 removed\n");
  CHECK(n1.run({"sadd", "hosts", "web1"}, input).out == "1 added\n");
}

}  // namespace
}  // namespace kith
