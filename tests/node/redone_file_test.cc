// tests/node/redone_file_test.cc -- the list, for people, of what was done again.
#include "node/redone_file.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "crdt/counter.h"
#include "tests/node/temporary_directory.h"

namespace kith {
namespace {

using nlohmann::json;

constexpr std::int64_t kWallMs = 1'700'000'000'123;  // 2023-11-14T22:13:20.123Z
constexpr OriginId kOld{0xa}, kNew{0xb};
const Tag kToday{Timestamp{900}, actor_of(kNew)};

Tag old_tag(std::uint64_t at) { return {Timestamp{at}, actor_of(kOld)}; }
Commit old_commit(std::uint64_t at) { return {Timestamp{at}, kOld}; }
const Commit kAnew{Timestamp{900}, kNew};

Content recommitted(Content these) {
  these.recommit(kAnew);
  return these;
}
Content value(const std::string& text, const Tag& tag, Commit commit, std::int64_t expires_at_ms = 0) {
  return Content(Register{}.set(text, tag, commit, expires_at_ms));
}
Content add(const Tag& tag, Commit commit) { return Content(SetElement{}.add(tag, commit)); }

std::vector<json> lines_of(const Output::Redone& redone) {
  std::vector<json> out;
  for (const std::string& line : redone_lines(redone, kWallMs)) {
    REQUIRE(line.back() == '\n');
    REQUIRE(line.find('\n') == line.size() - 1);
    out.push_back(json::parse(line));
  }
  return out;
}

std::string text_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST_CASE("redone lines: a value done again under its tag, with its expiry") {
  const Content these = value("red", old_tag(10), old_commit(10), 1'700'000'000'000);
  const auto lines = lines_of({{"t", "color", Kind::kRegister, ""}, "value", these, recommitted(these)});
  REQUIRE(lines.size() == 1);
  CHECK(lines[0] == json{{"when", "2023-11-14T22:13:20.123Z"}, {"table", "t"}, {"kind", "register"}, {"key", "color"}, {"what", "value"},
                         {"value", "red"}, {"expires", "2023-11-14T22:13:20.000Z"}, {"old_tag", to_string(old_tag(10))},
                         {"new_tag", to_string(old_tag(10))}, {"again", true}});
}

TEST_CASE("redone lines: a field as an operation of today, a deletion, and one that was not done again") {
  const CellKey field{"t", "lamps", Kind::kHash, "hall"};
  const auto today = lines_of({field, "value", value(std::string("\0\xff\n", 3), old_tag(10), old_commit(10)),
                               value(std::string("\0\xff\n", 3), kToday, kAnew)});
  REQUIRE(today.size() == 1);
  CHECK(today[0]["member"] == "hall");
  CHECK(today[0]["value"] == json{{"hex", "00ff0a"}});
  CHECK(today[0]["new_tag"] == to_string(kToday));
  CHECK(today[0]["again"] == false);
  CHECK_FALSE(today[0].contains("expires"));
  const Content erased(Register{}.erase(old_tag(10), old_commit(10)));
  const auto deletion = lines_of({field, "deletion", erased, recommitted(erased)});
  REQUIRE(deletion.size() == 1);
  CHECK(deletion[0]["what"] == "deletion");
  CHECK(deletion[0]["again"] == true);
  CHECK_FALSE(deletion[0].contains("value"));
  const auto gone = lines_of({field, "value", value("x", old_tag(10), old_commit(10)), {}});
  REQUIRE(gone.size() == 1);
  CHECK(gone[0]["new_tag"] == nullptr);
  CHECK(gone[0]["again"] == false);
  CHECK(gone[0]["value"] == "x");
}

TEST_CASE("redone lines: of an element each add and each removal has one") {
  const CellKey cell{"t", "likes", Kind::kSet, "tea"};
  Content these = add(old_tag(10), old_commit(10));
  these.join(add({Timestamp{11}, ActorId{5}}, old_commit(12)));
  SetElement seen;
  (void)seen.add({Timestamp{7}, ActorId{6}}, {Timestamp{7}, OriginId{0xc}});
  const Content removal(seen.remove({Timestamp{13}, ActorId{9}}, old_commit(13)));
  these.join(removal);
  // The add of the session was in time; the other is one of today; the removal under its tag.
  Content anew = recommitted(add({Timestamp{11}, ActorId{5}}, old_commit(12)));
  anew.join(add(kToday, kAnew));
  anew.join(recommitted(removal));
  const auto lines = lines_of({cell, "add and removal", these, anew});
  REQUIRE(lines.size() == 4);  // The session that removed notes all that it did before, too.
  for (const json& line : lines) CHECK(line["member"] == "tea");
  CHECK(lines[0]["what"] == "add");
  CHECK(lines[0]["old_tag"] == to_string(Tag{Timestamp{11}, ActorId{5}}));
  CHECK(lines[0]["again"] == true);
  CHECK(lines[1]["old_tag"] == to_string(old_tag(10)));
  CHECK(lines[1]["new_tag"] == to_string(kToday));
  CHECK(lines[1]["again"] == false);
  CHECK(lines[2]["what"] == "removal");
  CHECK(lines[2]["old_tag"] == to_string(Tag{Timestamp{7}, ActorId{6}}));
  CHECK(lines[2]["again"] == true);
  CHECK(lines[3]["what"] == "removal");
  CHECK(lines[3]["old_tag"] == to_string(Tag{Timestamp{12}, ActorId{9}}));
  const auto none = lines_of({cell, "add", add(old_tag(10), old_commit(10)), {}});
  REQUIRE(none.size() == 1);
  CHECK(none[0]["new_tag"] == nullptr);
}

TEST_CASE("redone lines: an increment has its amount, and its old name in its tag") {
  const auto plus = [](const Tag& tag, Commit commit) { return value(encode_amount(-5), tag, commit); };
  const auto lines = lines_of({increment_cell("t", "visits", old_tag(10)), "increment", plus(old_tag(10), old_commit(11)), plus(kToday, kAnew)});
  REQUIRE(lines.size() == 1);
  CHECK(lines[0]["amount"] == -5);
  CHECK(lines[0]["kind"] == "counter");
  CHECK(lines[0]["old_tag"] == to_string(old_tag(10)));
  CHECK(lines[0]["new_tag"] == to_string(kToday));
  CHECK_FALSE(lines[0].contains("member"));
  CHECK_FALSE(lines[0].contains("value"));
}

TEST_CASE("redone file: lines are appended and counted, by another life as well") {
  const TemporaryDirectory dir;
  const Output::Redone it{{"t", "color", Kind::kRegister, ""}, "value", value("red", old_tag(10), old_commit(10)), {}};
  {
    RedoneFile file(dir.path());
    CHECK(file.lines() == 0);
    CHECK_FALSE(std::filesystem::exists(file.path()));
    CHECK(file.append({it, it}, kWallMs) == "");
    CHECK(file.lines() == 2);
    CHECK(file.append({it}, kWallMs) == "");
    CHECK(file.lines() == 3);
  }
  RedoneFile file(dir.path());
  CHECK(file.path() == dir / "redone.jsonl");
  CHECK(file.lines() == 3);
  CHECK(file.append({it}, kWallMs) == "");
  CHECK(file.lines() == 4);
  CHECK(text_of(file.path()).size() == 4 * redone_lines(it, kWallMs)[0].size());
  // Moved away by somebody.
  std::filesystem::rename(file.path(), dir / "elsewhere");
  CHECK(file.lines() == 0);
  CHECK(file.append({it}, kWallMs) == "");
  CHECK(file.lines() == 1);
}

TEST_CASE("redone file: what was cut short stays a line of its own") {
  const TemporaryDirectory dir;
  const Output::Redone it{{"t", "color", Kind::kRegister, ""}, "value", value("red", old_tag(10), old_commit(10)), {}};
  RedoneFile file(dir.path());
  std::ofstream(file.path()) << "{\"when\": \"20";
  CHECK(file.append({it}, kWallMs) == "");
  CHECK(text_of(file.path()) == "{\"when\": \"20\n" + redone_lines(it, kWallMs)[0]);
}

TEST_CASE("redone file: what cannot be written is said with its name") {
  const TemporaryDirectory dir;
  std::filesystem::create_directory(dir / "redone.jsonl");
  RedoneFile file(dir.path());
  const Output::Redone it{{"t", "color", Kind::kRegister, ""}, "value", value("red", old_tag(10), old_commit(10)), {}};
  const std::string problem = file.append({it}, kWallMs);
  CHECK(problem.find("cannot write " + file.path()) == 0);
  CHECK(file.lines() == 0);
}

}  // namespace
}  // namespace kith
