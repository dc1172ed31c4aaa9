#pragma once

#include "names_fixture.hpp"

#include <optional>
#include <set>

namespace names {

/// A reference model of the name space, written independently: a tree in memory.
class model {
 public:
  struct node {
    bool directory = true;
    std::string text;
    std::vector<chunk_id> chunks;
    std::map<std::string, std::shared_ptr<node>> entries;
  };

  /// The code of the error that must be answered, or none.
  using verdict = std::optional<errc>;

  verdict run(const commands::mkdir& it) {
    auto path = parse(it.path);
    if (!path)
      return errc::invalid;
    auto at = find(*path);
    if (at.blocked_by_file)
      return at.found && !at.beyond ? errc::exists : errc::refused;
    if (at.found)
      return it.parents ? verdict{} : errc::exists;
    if (at.depth + 1 < path->size() && !it.parents)
      return errc::not_found;
    make_directories(*path, path->size());
    return {};
  }

  verdict run(const commands::put_file& it) {
    auto path = parse(it.path);
    if (!path || path->empty() || it.path.ends_with('/'))
      return errc::invalid;
    auto at = find(*path);
    if (at.blocked_by_file && at.beyond)
      return errc::refused;
    if (!at.found && at.depth + 1 < path->size() && !it.parents)
      return errc::not_found;
    if (at.found && at.found->directory)
      return errc::refused;
    if (at.found && !it.overwrite)
      return errc::exists;
    auto made = std::make_shared<node>();
    made->directory = false;
    if (auto* text = std::get_if<std::string>(&it.content))
      made->text = *text;
    else
      for (auto& extent : std::get<commands::put_file::extent_list>(it.content))
        made->chunks.push_back(extent.chunk.id);
    make_directories(*path, path->size() - 1)->entries[path->back()] = made;
    return {};
  }

  verdict run(const commands::rename& it) {
    auto from = parse(it.from);
    auto to = parse(it.to);
    if (!from || !to)
      return errc::invalid;
    if (from->empty() || to->empty())
      return errc::refused;
    if (auto wrong = must_be_there(it.from, *from))
      return wrong;
    auto source = find(*from).found;
    if (it.to.ends_with('/') && !source->directory)
      return errc::refused;
    if (*from == *to)
      return {};
    if (source->directory && to->size() > from->size() &&
        std::equal(from->begin(), from->end(), to->begin()))
      return errc::refused;
    auto parent = find({to->begin(), to->end() - 1});
    if (parent.blocked_by_file)
      return errc::refused;
    if (!parent.found)
      return errc::not_found;
    auto target = parent.found->entries.find(to->back());
    if (target != parent.found->entries.end()) {
      if (!it.overwrite)
        return errc::exists;
      if (target->second->directory != source->directory || !target->second->entries.empty())
        return errc::refused;
    }
    find({from->begin(), from->end() - 1}).found->entries.erase(from->back());
    parent.found->entries[to->back()] = source;
    return {};
  }

  verdict run(const commands::remove& it) {
    auto path = parse(it.path);
    if (!path)
      return errc::invalid;
    if (path->empty())
      return errc::refused;
    if (auto wrong = must_be_there(it.path, *path))
      return wrong;
    auto gone = find(*path).found;
    if (!it.recursive && !gone->entries.empty())
      return errc::refused;
    find({path->begin(), path->end() - 1}).found->entries.erase(path->back());
    return {};
  }

  const node& root() const { return *root_; }

  std::set<chunk_id> chunks() const {
    std::set<chunk_id> all;
    gather(*root_, all);
    return all;
  }

 private:
  struct place {
    std::shared_ptr<node> found; ///< null: missing
    std::size_t depth = 0;       ///< the number of names that exist
    bool blocked_by_file = false;
    bool beyond = false; ///< further names follow the file's
  };

  static std::optional<std::vector<std::string>> parse(const std::string& text) {
    if (text.empty() || text.front() != '/')
      return std::nullopt;
    std::vector<std::string> names;
    std::string name;
    for (std::size_t i = 1; i <= text.size(); ++i) {
      if (i < text.size() && text[i] != '/') {
        name += text[i];
        continue;
      }
      if (i == text.size() && name.empty())
        break; // one slash at the end
      if (name.empty() || name == "." || name == "..")
        return std::nullopt;
      names.push_back(std::exchange(name, {}));
    }
    return names;
  }

  place find(const std::vector<std::string>& names) const {
    place at{root_, 0, false, false};
    for (auto& name : names) {
      if (!at.found->directory) {
        at.blocked_by_file = at.beyond = true;
        return at;
      }
      auto next = at.found->entries.find(name);
      if (next == at.found->entries.end()) {
        at.found = nullptr;
        return at;
      }
      at.found = next->second;
      ++at.depth;
    }
    at.blocked_by_file = !at.found->directory;
    return at;
  }

  verdict must_be_there(const std::string& text, const std::vector<std::string>& names) const {
    auto at = find(names);
    if (at.beyond || (at.blocked_by_file && text.ends_with('/')))
      return errc::refused;
    return at.found ? verdict{} : errc::not_found;
  }

  std::shared_ptr<node> make_directories(const std::vector<std::string>& names, std::size_t depth) {
    auto at = root_;
    for (std::size_t i = 0; i < depth; ++i) {
      auto& next = at->entries[names[i]];
      if (!next)
        next = std::make_shared<node>();
      at = next;
    }
    return at;
  }

  static void gather(const node& from, std::set<chunk_id>& all) {
    all.insert(from.chunks.begin(), from.chunks.end());
    for (auto& [name, child] : from.entries)
      gather(*child, all);
  }

  std::shared_ptr<node> root_ = std::make_shared<node>();
};

} // namespace names
