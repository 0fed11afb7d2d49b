// Goal: what was ever found by fuzzing stays mended, and the targets work, in every build: no clang is needed for that.
// Method: each file of a target's corpus, as it is and damaged.  A broken law ends the process.
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <sstream>

#include "tests/fuzz/seeds.h"
#include "tests/fuzz/targets.h"

using namespace kith::fuzz;

namespace {

constexpr std::size_t kFilesMax = 200;  // Of all corpora together: they are in the repository.

std::string text_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

std::filesystem::path corpus_of(const Target& target) { return std::filesystem::path(KITH_SOURCE_DIR) / "tests/fuzz/corpus" / target.name; }

std::map<std::string, std::string> files_of(const Target& target) {
  std::map<std::string, std::string> out;
  if (!std::filesystem::exists(corpus_of(target))) return out;
  for (const auto& file : std::filesystem::directory_iterator(corpus_of(target))) out[file.path().filename().string()] = text_of(file.path());
  return out;
}

// One change, of the kinds that find most: a byte, a cut, a part that comes twice.
std::string damaged(std::string bytes, std::mt19937_64& random) {
  if (bytes.empty()) return std::string(1, static_cast<char>(random()));
  const std::size_t at = random() % bytes.size();
  switch (random() % 4) {
    case 0: bytes[at] = static_cast<char>(random()); break;
    case 1: bytes.resize(at); break;
    case 2: bytes.insert(at, bytes.substr(random() % bytes.size(), random() % 64)); break;
    default: bytes.erase(at, random() % 16); break;
  }
  return bytes;
}

}  // namespace

TEST_CASE("fuzz: the seeds in the corpora are what the encoders write today") {
  const bool write = std::getenv("KITH_WRITE_SEEDS") != nullptr;
  std::size_t files = 0;
  for (const Target& target : targets()) {
    if (write) std::filesystem::create_directories(corpus_of(target));
    const auto found = files_of(target);
    files += found.size();
    for (const auto& [name, bytes] : seeds_of(target.name)) {
      const std::string file = "SEED_" + name;
      CAPTURE(target.name);
      CAPTURE(file);
      if (write) {
        std::ofstream(corpus_of(target) / file, std::ios::binary) << bytes;
        continue;
      }
      REQUIRE_MESSAGE(found.contains(file), "write the seeds anew with KITH_WRITE_SEEDS=1");
      CHECK_MESSAGE((found.at(file) == bytes), "what the encoders write has changed: write the seeds anew with KITH_WRITE_SEEDS=1");
    }
  }
  CHECK(files < kFilesMax);
}

TEST_CASE("fuzz: every file of the corpora is answered or refused") {
  for (const Target& target : targets()) {
    const auto files = files_of(target);
    CAPTURE(target.name);
    REQUIRE(files.size() >= seeds_of(target.name).size());
    for (const auto& [name, bytes] : files) {
      INFO("file ", name);
      target.run(bytes);
    }
  }
}

TEST_CASE("fuzz: files of the corpora with damage are answered or refused, too") {
  constexpr int kRunsPerTarget = 300;
  for (const Target& target : targets()) {
    std::mt19937_64 random(6);
    std::vector<std::string> all;
    for (const auto& [name, bytes] : files_of(target)) all.push_back(bytes);
    for (int run = 0; run < kRunsPerTarget; ++run) {
      std::string bytes = all[random() % all.size()];
      for (std::uint64_t changes = 1 + random() % 3; changes > 0; --changes) bytes = damaged(std::move(bytes), random);
      target.run(bytes);
    }
  }
}
