// tools/demo/package_list.h -- the machine's own package database as writes: real input that everybody has at hand.
//
//     pkg:NAME      hash   version section architecture installed-size maintainer description
//     section:NAME  set    its packages
//     rdeps:NAME    set    the packages that depend on it
//
// Source: /var/lib/dpkg/status, RFC 822 paragraphs (deb-control(5)).  Only installed packages.
#pragma once

#include <istream>
#include <string>
#include <vector>

#include "node/client_protocol.h"

namespace kith::tools {

inline constexpr const char* kPackageDatabase = "/var/lib/dpkg/status";

struct Package {
  std::string name;
  std::vector<std::pair<std::string, std::string>> fields;  // As in the hash above; absent ones left out.
  std::string section;
  std::vector<std::string> depends;  // Names, each once; of alternatives the first.
};

std::vector<Package> read_packages(std::istream& in);

// All the writes it takes, one per key and at most `kMembersAWrite` members each.
std::vector<Request> writes_of(const std::vector<Package>& packages);
inline constexpr std::size_t kMembersAWrite = 256;

}  // namespace kith::tools
