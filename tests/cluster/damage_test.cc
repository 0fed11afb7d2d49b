// tests/cluster/damage_test.cc -- a flipped bit on a real disk.
//
// Goal: it is found when it is read, not served, not gossiped, and mended from a peer.
// Method: two kithd; one is stopped and one bit of a row's value is flipped in its data.mdb; it is started again.
#include <doctest/doctest.h>

#include <cstdint>
#include <fstream>
#include <iterator>

#include "store/lmdb_store.h"
#include "tests/cluster/cluster.h"

namespace kith {
namespace {

std::size_t flip_every(const std::string& path, const std::string& needle) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(file)), {});
  std::size_t flipped = 0;
  // LMDB keeps old pages: all copies are flipped, so that the live one is among them.
  for (std::size_t at = bytes.find(needle); at != std::string::npos; at = bytes.find(needle, at + 1)) {
    file.clear();
    file.seekp(static_cast<std::streamoff>(at));
    file.put(static_cast<char>(bytes[at] ^ 1));
    ++flipped;
  }
  return flipped;
}

TEST_CASE("cluster: a flipped bit in a row is found on read, not served, and mended from a peer") {
  TestCluster cluster(2);
  const std::string value = "a value that stands in one row only";
  Request write;
  write.op = ClientOp::kSet;
  write.key = "precious";
  write.value = value;
  REQUIRE(cluster.node(0).connect().call(write, std::chrono::seconds(5)).status == Status::kOk);
  REQUIRE(eventually([&] { return cluster.all_equal(); }));

  REQUIRE(cluster.node(1).terminate().code == 0);
  REQUIRE(flip_every(cluster.data_of(1) + "/data.mdb", value) > 0);
  CHECK_FALSE(LmdbStore::open(cluster.data_of(1))->verify().empty());
  cluster.node(1).restart();
  cluster.node(1).wait_ready();

  Client client = cluster.node(1).connect();
  Request read;
  read.op = ClientOp::kGet;
  read.key = "precious";
  const ClientReply damaged = client.call(read, std::chrono::seconds(5));
  CHECK(damaged.status == Status::kError);
  CHECK(damaged.code == "damaged");
  CHECK_FALSE(damaged.value.has_value());

  REQUIRE(eventually([&] { return client.call(read, std::chrono::seconds(5)).value == value; }));
  CHECK(cluster.counter(1, "rows_mended") >= 1);
  CHECK(eventually([&] { return cluster.all_equal(); }));
  REQUIRE(cluster.node(1).terminate().code == 0);
  CHECK(LmdbStore::open(cluster.data_of(1))->verify() == std::vector<std::string>{});
}

}  // namespace
}  // namespace kith
