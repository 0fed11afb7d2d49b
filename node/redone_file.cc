#include "node/redone_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>

#include "crdt/counter.h"
#include "node/durable_file.h"
#include "node/json_text.h"

namespace kith {
namespace {

using nlohmann::json;

class Lines {
 public:
  Lines(const CellKey& cell, std::int64_t wall_ms)
      : head_{{"when", iso_time(wall_ms)}, {"table", cell.table}, {"kind", to_string(cell.kind)}, {"key", name_json(cell.key)}} {}

  void add(const char* what, const Tag& was, const std::optional<Tag>& is, json more) {
    json line = head_;
    line["what"] = what;
    line["old_tag"] = to_string(was);
    line["new_tag"] = is ? json(to_string(*is)) : json(nullptr);
    line["again"] = is == was;
    line.update(more);
    out_.push_back(dump(line) + "\n");
  }
  std::vector<std::string> take() { return std::move(out_); }

 private:
  json head_;
  std::vector<std::string> out_;
};

void add_entries(const char* what, const json& member, const ActorMap& was, const ActorMap& is, Lines& lines) {
  std::optional<Tag> today;  // Of an actor that none of the old ones was.
  for (const auto& [actor, entry] : is) {
    const Entry* old = was.find(actor);
    if (old == nullptr || old->at != entry.at) today = Tag{entry.at, actor};
  }
  for (const auto& [actor, entry] : was) {
    const Tag tag{entry.at, actor};
    const Entry* same = is.find(actor);
    const bool again = same != nullptr && same->at == entry.at;
    lines.add(what, tag, again ? std::optional(tag) : today, {{"member", member}});
  }
}

}  // namespace

std::vector<std::string> redone_lines(const Output::Redone& redone, std::int64_t wall_ms) {
  Lines lines(redone.cell, wall_ms);
  const json member = name_json(redone.cell.member);
  if (redone.cell.kind == Kind::kSet) {
    static const SetElement kNothing;
    const SetElement& was = redone.these.as_set_element();
    const SetElement& is = redone.anew.empty() ? kNothing : redone.anew.as_set_element();
    add_entries("add", member, was.adds(), is.adds(), lines);
    add_entries("removal", member, was.removed(), is.removed(), lines);
    return lines.take();
  }
  const Register& was = redone.these.as_register();
  const std::optional<Tag> is = redone.anew.empty() ? std::nullopt : std::optional(redone.anew.as_register().tag());
  if (redone.cell.kind == Kind::kCounter) {
    const auto amount = was.value() ? decode_amount(*was.value()) : std::nullopt;
    lines.add("increment", was.tag(), is, {{"amount", amount ? json(*amount) : json(nullptr)}});
    return lines.take();
  }
  json more = json::object();
  if (redone.cell.kind == Kind::kHash) more["member"] = member;
  if (was.value()) more["value"] = name_json(*was.value());
  if (was.expires_at_ms() != 0) more["expires"] = iso_time(was.expires_at_ms());
  lines.add(was.present() ? "value" : "deletion", was.tag(), is, std::move(more));
  return lines.take();
}

RedoneFile::RedoneFile(const std::string& directory) : directory_(directory), path_(directory + "/redone.jsonl") {}

std::string RedoneFile::append(const std::vector<Output::Redone>& redone, std::int64_t wall_ms) {
  const auto fail = [&](int error) { return "cannot write " + path_ + ": " + reason(error); };
  std::string text;
  for (const Output::Redone& it : redone) {
    for (const std::string& line : redone_lines(it, wall_ms)) text += line;
  }
  struct stat before{};
  const bool is_new = ::stat(path_.c_str(), &before) != 0;
  const File file(path_, O_RDWR | O_CREAT | O_APPEND);
  if (!file) return fail(errno);
  // A line that was cut short by a full disk or a kill stays by itself.
  char last = '\n';
  if (!is_new && before.st_size > 0 && ::pread(file.fd(), &last, 1, before.st_size - 1) == 1 && last != '\n') text.insert(0, 1, '\n');
  if (!write_all(file.fd(), text) || ::fsync(file.fd()) != 0) return fail(errno);
  if (!is_new) return "";
  try {
    sync_directory(directory_);
  } catch (const DurableFileError& error) {
    return error.what();
  }
  return "";
}

std::uint64_t RedoneFile::lines() {
  struct stat now{};
  if (::stat(path_.c_str(), &now) != 0) return counted_bytes_ = counted_lines_ = 0;
  const auto size = static_cast<std::uint64_t>(now.st_size);
  if (size < counted_bytes_) counted_bytes_ = counted_lines_ = 0;  // Another file, or emptied.
  if (size == counted_bytes_) return counted_lines_;
  std::ifstream in(path_, std::ios::binary);
  in.seekg(static_cast<std::streamoff>(counted_bytes_));
  std::vector<char> bytes(64 * 1024);
  while (in.read(bytes.data(), static_cast<std::streamsize>(bytes.size())), in.gcount() > 0) {
    counted_lines_ += static_cast<std::uint64_t>(std::count(bytes.data(), bytes.data() + in.gcount(), '\n'));
    counted_bytes_ += static_cast<std::uint64_t>(in.gcount());
  }
  return counted_lines_;
}

}  // namespace kith
