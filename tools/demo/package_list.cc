#include "tools/demo/package_list.h"

#include <algorithm>
#include <map>
#include <set>

namespace kith::tools {
namespace {

using Paragraph = std::map<std::string, std::string>;

// The next paragraph, names in lower case; continuation lines are left out: the first line says enough for us.
bool next_paragraph(std::istream& in, Paragraph& out) {
  out.clear();
  for (std::string line; std::getline(in, line);) {
    if (line.empty()) {
      if (!out.empty()) return true;
      continue;
    }
    const std::size_t colon = line.find(':');
    if (line[0] == ' ' || line[0] == '\t' || colon == std::string::npos) continue;
    std::string name = line.substr(0, colon);
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    const std::size_t begin = line.find_first_not_of(" \t", colon + 1);
    out[name] = begin == std::string::npos ? "" : line.substr(begin);
  }
  return !out.empty();
}

// "libc6 (>= 2.36), default-mta | mail-transport-agent, perl:any" -> libc6, default-mta, perl
void add_names(const std::string& relation, std::set<std::string>& names) {
  std::size_t begin = 0;
  while (begin < relation.size()) {
    const std::size_t end = std::min(relation.find(',', begin), relation.size());
    const std::size_t first = relation.find_first_not_of(" \t", begin);
    if (first < end) {
      const std::size_t last = std::min(relation.find_first_of(" \t(|:,", first), end);
      if (last > first) names.insert(relation.substr(first, last - first));
    }
    begin = end + 1;
  }
}

void add_set_writes(const std::string& prefix, const std::map<std::string, std::vector<std::string>>& sets,
                    std::vector<Request>& out) {
  for (const auto& [name, members] : sets) {
    for (std::size_t at = 0; at < members.size(); at += kMembersAWrite) {
      Request request;
      request.op = ClientOp::kSadd;
      request.key = prefix + name;
      const std::size_t end = std::min(at + kMembersAWrite, members.size());
      request.members.assign(members.begin() + static_cast<std::ptrdiff_t>(at),
                             members.begin() + static_cast<std::ptrdiff_t>(end));
      out.push_back(std::move(request));
    }
  }
}

}  // namespace

std::vector<Package> read_packages(std::istream& in) {
  static constexpr const char* kFields[] = {"version", "section", "architecture", "installed-size", "maintainer",
                                            "description"};
  std::vector<Package> out;
  Paragraph paragraph;
  while (next_paragraph(in, paragraph)) {
    if (paragraph["package"].empty() || !paragraph["status"].ends_with(" installed")) continue;
    Package package;
    package.name = paragraph["package"];
    package.section = paragraph["section"];
    for (const char* field : kFields) {
      if (const auto found = paragraph.find(field); found != paragraph.end() && !found->second.empty()) {
        package.fields.emplace_back(field, found->second);
      }
    }
    std::set<std::string> names;
    add_names(paragraph["depends"], names);
    add_names(paragraph["pre-depends"], names);
    package.depends.assign(names.begin(), names.end());
    out.push_back(std::move(package));
  }
  return out;
}

std::vector<Request> writes_of(const std::vector<Package>& packages) {
  std::vector<Request> out;
  std::map<std::string, std::vector<std::string>> sections;
  std::map<std::string, std::vector<std::string>> dependants;
  for (const Package& package : packages) {
    Request request;
    request.op = ClientOp::kHset;
    request.key = "pkg:" + package.name;
    request.fields = package.fields;
    if (!request.fields.empty()) out.push_back(std::move(request));
    if (!package.section.empty()) sections[package.section].push_back(package.name);
    for (const std::string& name : package.depends) dependants[name].push_back(package.name);
  }
  add_set_writes("section:", sections, out);
  add_set_writes("rdeps:", dependants, out);
  return out;
}

}  // namespace kith::tools
