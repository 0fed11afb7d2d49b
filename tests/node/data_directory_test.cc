// Goal: a node lives in its own directory or says clearly why it does not.
#include "node/data_directory.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crdt/tag.h"
#include "tests/node/temporary_directory.h"

namespace kith {
namespace {

std::string refusal(const std::string& path) {
  try {
    const DataDirectory opened(path);
  } catch (const DataDirectoryError& error) {
    return error.what();
  }
  FAIL("it was opened");
  return {};
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

const NodeIdentity kNode{NodeId{0xabc}, "n1", ClusterId{}};

TEST_CASE("data directory: is made for its owner alone, and remembers who lives there") {
  const TemporaryDirectory dir;
  const std::string path = dir / "n1";
  {
    DataDirectory data(path);
    struct stat found {};
    REQUIRE(stat(path.c_str(), &found) == 0);
    CHECK((found.st_mode & 0777) == 0700);
    CHECK_FALSE(data.identity());
    dir.write("n1/data.mdb", "x");
    data.remember(kNode);
    CHECK(read_file(path + "/kith.id") == "format=1\nnode=0000000000000abc\nname=n1\n");
  }
  DataDirectory again(path);
  CHECK(again.identity() == kNode);
  NodeIdentity joined = kNode;
  joined.cluster = ClusterId{7};
  again.remember(joined);
  CHECK(contains(read_file(path + "/kith.id"), "cluster=0000000000000007\n"));
  again.check_same_node(kNode.node);
  CHECK_THROWS_AS(again.check_same_node(NodeId{1}), DataDirectoryError);
}

TEST_CASE("data directory: a second user of it is refused, and told the pid of the first") {
  const TemporaryDirectory dir;
  {
    const DataDirectory first(dir.path());
    CHECK(contains(refusal(dir.path()), "in use by the process with pid " + std::to_string(getpid())));
  }
  const DataDirectory after(dir.path());
  CHECK(after.path() == dir.path());
}

TEST_CASE("data directory: without its store a known node does not start") {
  const TemporaryDirectory dir;
  DataDirectory(dir.path()).remember(kNode);
  const std::string what = refusal(dir.path());
  CHECK(contains(what, "data.mdb is gone"));
  CHECK(contains(what, "Put data.mdb back"));
  // And the lock was let go.
  dir.write("data.mdb", "x");
  CHECK(DataDirectory(dir.path()).identity() == kNode);
}

TEST_CASE("data directory: what is no directory, cannot be made or is damaged is refused with the reason") {
  const TemporaryDirectory dir;
  CHECK(contains(refusal(dir.write("file", "")), "is not a directory"));
  CHECK(contains(refusal(dir / "none/below"), "does the directory above it exist?"));
  CHECK(contains(refusal(dir / "file/below"), "cannot make the data directory"));
  dir.write("data.mdb", "x");
  for (const char* text : {"format=1\n", "format=1\nnode=xyz\nname=n1\n", "format=1\nnode=0000000000000000\nname=n\n",
                           "format=1\nnode=0000000000000abc\nname=n\ncluster=7\n"}) {
    dir.write("kith.id", text);
    CHECK(contains(refusal(dir.path()), "is damaged"));
  }
  dir.write("kith.id", "format=2\nnode=0000000000000abc\nname=n\n");
  CHECK(contains(refusal(dir.path()), "format \"2\""));
}

TEST_CASE("data directory: one that may not be written is refused") {
  const TemporaryDirectory dir;
  const std::string path = dir / "ro";
  REQUIRE(mkdir(path.c_str(), 0500) == 0);
  if (geteuid() == 0) {
    // Root may write anywhere but where there is nothing to write to.
    CHECK(contains(refusal("/proc/self"), "cannot write into the data directory"));
  } else {
    CHECK(contains(refusal(path), "cannot write into the data directory"));
  }
}

TEST_CASE("data directory: tells where the node listens, for as long as it does") {
  const TemporaryDirectory dir;
  const DataDirectory data(dir.path());
  data.write_addresses("127.0.0.1:1", "127.0.0.1:2");
  CHECK(read_file(dir / "addresses") == "client=127.0.0.1:1\npeer=127.0.0.1:2\n");
  data.remove_addresses();
  CHECK(access((dir / "addresses").c_str(), F_OK) != 0);
}

}  // namespace
}  // namespace kith
