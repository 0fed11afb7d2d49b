#include "tests/soak/disk_copies.h"

#include <doctest/doctest.h>

#include "tests/node/temporary_directory.h"

namespace kith::soak {
namespace {

struct Disk {
  Disk() { std::filesystem::create_directory(data); }
  void write(const std::string& text) { std::ofstream(data + "/data.mdb") << text; }
  std::string read() const { return read_file(data + "/data.mdb"); }

  TemporaryDirectory directory;
  std::string data = directory / "n1";
  DiskCopies copies{directory.path(), 1};
};

TEST_CASE("disk copies: a disk goes back to what it was, and the copy can be used again") {
  Disk disk;
  disk.write("old");
  disk.copies.take(0, disk.data, 1'000);
  disk.write("new");
  const auto copy = disk.copies.find(0, 0, 500, 1'400);
  REQUIRE(copy);
  for (int time = 0; time < 2; ++time) {
    disk.write("newer");
    disk.copies.put_back(0, *copy, disk.data);
    CHECK(disk.read() == "old");
  }
}

TEST_CASE("disk copies: one is found by its age, the oldest of those that fit") {
  Disk disk;
  for (const std::int64_t taken_ms : {1'000, 2'000, 3'000}) disk.copies.take(0, disk.data, taken_ms);
  CHECK(disk.copies.find(0, 0, 10'000, 4'000)->taken_ms == 1'000);
  CHECK(disk.copies.find(0, 0, 2'500, 4'000)->taken_ms == 2'000);
  CHECK(disk.copies.find(0, 2'500, 10'000, 4'000)->taken_ms == 1'000);
  CHECK_FALSE(disk.copies.find(0, 3'500, 10'000, 4'000));
}

TEST_CASE("disk copies: a disk that went back does not come forward to a copy of what it was then") {
  Disk disk;
  for (const std::int64_t taken_ms : {1'000, 2'000, 3'000}) disk.copies.take(0, disk.data, taken_ms);
  disk.copies.put_back(0, *disk.copies.find(0, 2'500, 10'000, 4'000), disk.data);
  CHECK(disk.copies.youngest_ms(0) == 1'000);
}

TEST_CASE("disk copies: few are kept, the oldest among them") {
  Disk disk;
  for (std::int64_t i = 1; i <= 40; ++i) disk.copies.take(0, disk.data, i * 1'000);
  CHECK(disk.copies.find(0, 0, 100'000, 41'000)->taken_ms == 1'000);
  CHECK(disk.copies.youngest_ms(0) == 40'000);
  std::size_t directories = 0;
  for (const auto& entry : std::filesystem::directory_iterator(disk.directory.path())) directories += entry.is_directory() ? 1 : 0;
  CHECK(directories == 1 + 6);
}

}  // namespace
}  // namespace kith::soak
