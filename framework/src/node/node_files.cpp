#include <atoll/core/config_value.hpp>
#include <atoll/node/data_folders.hpp>
#include <atoll/node/node_files.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>

namespace atl::node {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t changes_shown_max = 4;

std::string read_all(const fs::path& file) {
  std::ifstream in{file, std::ios::binary};
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

bool describes_node(const fs::path& file) {
  auto table = parse_toml(read_all(file), file.string());
  // A file that can't be read is reported, not skipped.
  return !table || table->find("node") != nullptr;
}

result<std::vector<fs::path>> node_files_in(const fs::path& folder) {
  std::error_code problem;
  std::vector<fs::path> files;
  for (auto& entry : fs::directory_iterator{folder, problem})
    if (entry.path().extension() == ".toml" && describes_node(entry.path()))
      files.push_back(absolute_path(entry.path()));
  if (problem)
    return fail(errc::not_found, fmt::format("{}: {}", folder.string(), problem.message()));
  std::sort(files.begin(), files.end());
  return files;
}

local_node make_node(std::string name, const fs::path& file) {
  auto run = file.parent_path() / "run";
  local_node node;
  node.log = run / (name + ".log");
  node.pid_file = run / (name + ".pid");
  node.name = std::move(name);
  node.config = file;
  return node;
}

// -- two nodes that can't run on one machine --------------------------------------------------

/// A node's file, and what the application says about the node.
struct described_node {
  local_node node;
  node_description description;
};

/// One address of a node.
struct address_use {
  const described_node* node = nullptr;
  node_address address;
};

bool is_any_host(const std::string& host) {
  return host == "0.0.0.0" || host == "::" || host == "*";
}

bool is_same_host(const std::string& a, const std::string& b) {
  auto plain = [](const std::string& host) { return host == "localhost" ? "127.0.0.1" : host; };
  return plain(a) == plain(b) || is_any_host(a) || is_any_host(b);
}

bool is_same_address(const endpoint& a, const endpoint& b) {
  return a.port == b.port && a.port != 0 && is_same_host(a.host, b.host);
}

std::string file_of(const described_node& described) {
  return described.node.config.filename().string();
}

/// One line for each address that two nodes share.
void find_shared_addresses(const std::vector<address_use>& uses, std::vector<std::string>& lines) {
  for (std::size_t i = 0; i < uses.size(); ++i)
    for (std::size_t k = i + 1; k < uses.size(); ++k)
      if (auto& a = uses[i], &b = uses[k]; is_same_address(a.address.where, b.address.where))
        lines.push_back(fmt::format("{} ({}) and {} ({}) have the same address: {}",
                                    file_of(*a.node), a.address.key, file_of(*b.node),
                                    b.address.key, to_string(b.address.where)));
}

void find_shared_names(const described_node& a, const described_node& b,
                       std::vector<std::string>& lines) {
  if (a.node.name == b.node.name)
    lines.push_back(fmt::format("{} and {} both have node.name = \"{}\": each node needs a name of "
                                "its own",
                                file_of(a), file_of(b), a.node.name));
  std::error_code unknown;
  for (auto& of_a : a.node.data)
    for (auto& of_b : b.node.data)
      if (auto data = fs::weakly_canonical(of_a, unknown);
          data == fs::weakly_canonical(of_b, unknown))
        lines.push_back(fmt::format("{} and {} both have the data folder {}: each node needs one "
                                    "of its own",
                                    file_of(a), file_of(b), data.string()));
}

std::vector<std::string> find_clashes(const std::vector<described_node>& nodes) {
  std::vector<std::string> lines;
  std::vector<address_use> listening;
  std::vector<address_use> advertised;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    for (std::size_t k = i + 1; k < nodes.size(); ++k)
      find_shared_names(nodes[i], nodes[k], lines);
    for (auto& address : nodes[i].description.listens)
      listening.push_back({&nodes[i], address});
    for (auto& address : nodes[i].description.advertised)
      advertised.push_back({&nodes[i], address});
  }
  auto before = lines.size();
  find_shared_addresses(listening, lines);
  if (lines.size() == before) // otherwise the message would repeat the address
    find_shared_addresses(advertised, lines);
  return lines;
}

// -- reading one ------------------------------------------------------------------------------

std::vector<written_key> written_keys(const config& all) {
  std::vector<written_key> keys;
  for (auto& entry : all.resolved())
    if (entry.origin != "default")
      keys.push_back({entry.key, entry.value});
  return keys;
}

result<described_node> read_node_file(const fs::path& file, const node_file_format& format) {
  auto config = config::load(file, format.schema);
  if (!config)
    return tl::unexpected{config.error()};
  auto description = format.describe(*config);
  if (!description)
    return tl::unexpected{description.error()};
  described_node described{make_node(description->self.name, file), std::move(*description)};
  described.node.roles = described.description.self.roles;
  described.node.data = data_folders(*config);
  described.node.secret_file = described.description.cluster.secret_file;
  described.node.has_secret = !described.description.cluster.secret.empty();
  described.node.configuration = written_keys(*config);
  return described;
}

/// Reads as much as possible of a file that may be invalid.
std::string name_in(const fs::path& file) {
  auto table = parse_toml(read_all(file), file.string());
  auto* node = table ? table->find("node") : nullptr;
  auto* keys = node ? std::get_if<config_table>(&node->value.value) : nullptr;
  auto* name = keys ? keys->find("name") : nullptr;
  auto* text = name ? std::get_if<std::string>(&name->value.value) : nullptr;
  return text && !text->empty() && text->find('/') == text->npos ? *text : file.stem().string();
}

} // namespace

bool local_node::has_role(std::string_view role) const {
  return std::ranges::find(roles, role) != roles.end();
}

result<std::vector<local_node>> nodes_in(const fs::path& folder, const node_file_format& format) {
  auto files = node_files_in(folder);
  if (!files)
    return tl::unexpected{files.error()};
  std::vector<described_node> described;
  std::vector<std::string> mistakes;
  for (auto& file : *files) {
    if (auto node = read_node_file(file, format))
      described.push_back(std::move(*node));
    else if (std::ranges::find(mistakes, node.error().message) == mistakes.end())
      mistakes.push_back(node.error().message); // once, if it is in a file that all include
  }
  for (auto& clash : find_clashes(described))
    mistakes.push_back(fmt::format("{}: {}", folder.string(), clash));
  if (!mistakes.empty())
    return fail(errc::invalid, fmt::format("{}", fmt::join(mistakes, "\n")));
  if (described.empty())
    return fail(errc::not_found, fmt::format("{} holds no file that describes a node: one with a "
                                             "[node] table",
                                             folder.string()));
  std::vector<local_node> nodes;
  nodes.reserve(described.size());
  for (auto& read : described)
    nodes.push_back(std::move(read.node));
  return nodes;
}

result<std::vector<local_node>> unchecked_nodes_in(const fs::path& folder) {
  auto files = node_files_in(folder);
  if (!files)
    return tl::unexpected{files.error()};
  std::vector<local_node> nodes;
  for (auto& file : *files)
    nodes.push_back(unchecked_node(file));
  return nodes;
}

local_node unchecked_node(const fs::path& file) {
  return make_node(name_in(file), file);
}

fs::path absolute_path(const fs::path& path) {
  auto absolute = fs::absolute(path).lexically_normal();
  return absolute.has_filename() ? absolute : absolute.parent_path();
}

std::string describe_changes(const std::vector<written_key>& before,
                             const std::vector<written_key>& now) {
  std::map<std::string, std::pair<std::string, std::string>> values;
  for (auto& entry : before)
    values[entry.key].first = entry.value;
  for (auto& entry : now)
    values[entry.key].second = entry.value;
  std::erase_if(values, [](auto& entry) { return entry.second.first == entry.second.second; });
  std::vector<std::string> texts;
  for (auto& [key, value] : values) {
    auto& [was, is] = value;
    if (texts.size() == changes_shown_max) {
      texts.push_back(fmt::format("{} more", values.size() - changes_shown_max));
      break;
    }
    texts.push_back(fmt::format("{} was {} and is {}", key, was.empty() ? "not set" : was,
                                is.empty() ? "not set" : is));
  }
  return fmt::format("{}", fmt::join(texts, ", "));
}

} // namespace atl::node
