#include "identity_file.hpp"

#include <atoll/core/data_disks.hpp>
#include <atoll/core/logging.hpp>
#include <atoll/core/new_folder.hpp>
#include <atoll/core/sync.hpp>

#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>
#include <utility>

namespace atl {

namespace fs = std::filesystem;
using nlohmann::json;

struct data_disks::found_mark {
  std::size_t disk = 0;
  json identity;

  std::string text(const char* key) const {
    auto found = identity.find(key);
    return found != identity.end() && found->is_string() ? found->get<std::string>()
                                                         : std::string{};
  }
  std::uint64_t revision() const {
    auto found = identity.find("revision");
    return found != identity.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
  }
};

namespace {

/// Is the folder on another file system than the root folder?
bool is_mounted(const fs::path& folder) {
  struct stat here = {};
  struct stat root = {};
  return ::stat(folder.c_str(), &here) == 0 && ::stat("/", &root) == 0 &&
         here.st_dev != root.st_dev;
}

} // namespace

result<data_disks> data_disks::lock(const std::vector<fs::path>& folders, const data_owner& owner,
                                    bool gives_up_missing) {
  data_disks taken;
  taken.owner_ = owner;
  taken.locks_.assign(folders.size(), -1);
  for (auto& folder : folders)
    taken.disks_.push_back({folder, {}, {}, false});
  std::vector<found_mark> marks;
  for (std::size_t i = 0; i < folders.size(); ++i)
    if (auto done = taken.take(i, marks); !done)
      return tl::unexpected{done.error()};
  if (auto agreed = taken.agree(marks); !agreed)
    return tl::unexpected{agreed.error()};
  for (std::size_t i = 0; i < folders.size(); ++i)
    if (auto done = taken.take_missing_or_new(i); !done)
      return tl::unexpected{done.error()};
  if (auto done = taken.drop_unlisted(gives_up_missing); !done)
    return tl::unexpected{done.error()};
  if (taken.uuid_.empty())
    taken.uuid_ = random_uuid();
  if (auto written = taken.write_marks(); !written)
    return tl::unexpected{written.error()};
  for (auto& disk : taken.disks_)
    if (!disk.is_used())
      log::error("node", disk.path.string(), "the node goes on without this disk: {}",
                 disk.problem);
    else if (disk.is_new)
      log::info("node", disk.path.string(), "is taken into use as a new disk");
  return taken;
}

/// Locks a folder that exists, and reads its mark.
status data_disks::take(std::size_t index, std::vector<found_mark>& marks) {
  auto& disk = disks_[index];
  std::error_code problem;
  if (!fs::exists(disk.path, problem)) {
    if (problem)
      disk.problem = fmt::format("{} can't be read: {}", disk.path.string(), problem.message());
    return {};
  }
  auto lock_file = disk.path / "lock";
  auto file = ::open(lock_file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0) {
    disk.problem = system_error(errno, "opening " + lock_file.string()).message;
    return {};
  }
  locks_[index] = file;
  if (::flock(file, LOCK_EX | LOCK_NB) != 0)
    return fail(errc::refused,
                fmt::format("the data folder {} is in use by another process, or is named twice; "
                            "stop that process, or give this node folders of its own",
                            disk.path.string()));
  auto has_mark = fs::exists(disk.path / identity_file_name, problem);
  if (!problem)
    fs::directory_iterator{disk.path, problem}; // a folder that can't be listed isn't an empty one
  if (problem) {
    disk.problem = fmt::format("{} can't be read: {}", disk.path.string(), problem.message());
    return {};
  }
  if (!has_mark) {
    if (auto empty = check_no_data(disk.path); !empty)
      disk.problem = empty.error().message;
    return {};
  }
  auto identity = read_identity_file(disk.path / identity_file_name);
  if (!identity) {
    disk.problem = identity.error().message;
    return {};
  }
  if (auto ours = check_owner(*identity, owner_, disk.path); !ours)
    return ours;
  if (identity->contains("groups"))
    return fail(errc::refused,
                fmt::format("the data folder {} holds the log of a group, which stays in one "
                            "folder: node.data must name that one alone",
                            disk.path.string()));
  found_mark mark{index, std::move(*identity)};
  disk.id = mark.text("disk");
  marks.push_back(std::move(mark));
  return {};
}

/// Takes over what the newest mark says. All must be of the same data.
status data_disks::agree(const std::vector<found_mark>& marks) {
  if (marks.empty())
    return {};
  auto& newest = *std::ranges::max_element(marks, {}, &found_mark::revision);
  uuid_ = newest.text("uuid");
  for (auto& mark : marks) {
    auto& disk = disks_[mark.disk];
    if (mark.text("uuid") != uuid_)
      return fail(errc::refused,
                  fmt::format("the data folders {} and {} are disks of '{}' from different times, "
                              "of which one has no data of the present node: take it off node.data",
                              disks_[newest.disk].path.string(), disk.path.string(), owner_.node));
    for (auto& other : marks)
      if (other.disk < mark.disk && !disk.id.empty() && disks_[other.disk].id == disk.id)
        return fail(errc::refused,
                    fmt::format("the data folders {} and {} are copies of one disk of '{}': take "
                                "one of them off node.data",
                                disks_[other.disk].path.string(), disk.path.string(), owner_.node));
  }
  adopt(newest);
  for (auto& mark : marks) {
    auto& disk = disks_[mark.disk];
    if (disk.id.empty()) // the single folder that the node had before it got several
      disk.id = random_uuid();
    if (known(disk.id) == nullptr)
      known_.push_back({disk.id, {}, false, parts_in(mark.identity)});
    known(disk.id)->path = disk.path.string();
    known(disk.id)->is_mounted = is_mounted(disk.path);
  }
  return {};
}

void data_disks::adopt(const found_mark& newest) {
  group_ = group_in(newest.identity);
  revision_ = newest.revision();
  auto list = newest.identity.find("disks");
  if (list == newest.identity.end() || !list->is_array())
    return;
  for (auto& each : *list) {
    auto is_complete = each.is_object() && each.contains("id") && each["id"].is_string() &&
                       each.contains("path") && each["path"].is_string();
    if (is_complete)
      known_.push_back({each["id"].get<std::string>(), each["path"].get<std::string>(),
                        each.contains("mounted") && each["mounted"] == true, parts_in(each)});
  }
}

/// Decides about a folder without a mark: is it a new disk, or the place of one that is missing?
status data_disks::take_missing_or_new(std::size_t index) {
  auto& disk = disks_[index];
  if (!disk.is_used() || !disk.id.empty())
    return {};
  auto* before = known_at(disk.path);
  auto is_there = locks_[index] >= 0;
  if (before && !is_there) {
    disk.problem = fmt::format("{} is gone; mount its disk, or make the folder if the disk there "
                               "is a new one",
                               disk.path.string());
    return {};
  }
  if (before && before->is_mounted && !is_mounted(disk.path)) {
    disk.problem = fmt::format("{} is empty and on the file system of the root folder, and its "
                               "disk had one of its own: mount it",
                               disk.path.string());
    return {};
  }
  disk.is_new = true;
  disk.id = random_uuid();
  if (!is_there) {
    std::error_code problem;
    fs::create_directories(disk.path, problem);
    if (problem) {
      disk.problem = fmt::format("making {}: {}", disk.path.string(), problem.message());
      return {};
    }
    std::vector<found_mark> none;
    if (auto done = take(index, none); !done)
      return done;
  }
  if (!disk.is_used())
    return {};
  if (before) {
    log::warning("node", disk.path.string(),
                 "is empty: the disk that was there is replaced, and what it held has to be made "
                 "anew");
    std::erase_if(known_, [&, id = before->id](auto& each) { return each.id == id; });
  }
  known_.push_back({disk.id, disk.path.string(), is_mounted(disk.path), {}});
  return {};
}

/// A disk that held data must not vanish from the list by mistake.
status data_disks::drop_unlisted(bool gives_up_missing) {
  auto is_listed = [&](const known_disk& each) {
    return std::ranges::any_of(disks_, [&](auto& disk) {
      return disk.id == each.id || (!disk.is_used() && disk.path.string() == each.path);
    });
  };
  auto is_replaced = [&](const known_disk& each) { // another disk has its place
    return std::ranges::any_of(disks_, [&](auto& disk) { return disk.path.string() == each.path; });
  };
  for (auto& each : known_) {
    if (is_listed(each) || each.parts.empty())
      continue;
    if (!gives_up_missing && !is_replaced(each))
      return fail(
          errc::refused,
          fmt::format("node.data names {} no more, a disk of '{}' that held data, and what is on "
                      "it would be missing: put it back into the list; if its data was moved to "
                      "other nodes or can be made anew from them, start this node once with "
                      "--new-disk, which gives up that disk alone",
                      each.path, owner_.node));
    given_up_ += is_replaced(each) ? 0 : 1;
    log::warning("node", each.path,
                 "the disk that was there is given up: what it held has to be "
                 "made anew");
  }
  std::erase_if(known_, [&](auto& each) { return !is_listed(each); });
  return {};
}

std::size_t data_disks::disks_used() const {
  return static_cast<std::size_t>(std::ranges::count_if(disks_, &data_disk::is_used));
}

data_disks::known_disk* data_disks::known(const std::string& id) {
  auto found = std::ranges::find(known_, id, &known_disk::id);
  return found == known_.end() ? nullptr : &*found;
}

const data_disks::known_disk* data_disks::known_at(const fs::path& path) const {
  auto found = std::ranges::find(known_, path.string(), &known_disk::path);
  return found == known_.end() ? nullptr : &*found;
}

/// A disk that doesn't take the mark isn't used from then on.
status data_disks::write_marks() {
  ++revision_;
  json identity{{"application", owner_.application},
                {"cluster", owner_.cluster},
                {"node", owner_.node},
                {"uuid", uuid_},
                {"revision", revision_},
                {"disks", json::array()}};
  if (!group_.empty())
    identity["group"] = group_;
  for (auto& each : known_)
    identity["disks"].push_back(json{
        {"id", each.id}, {"path", each.path}, {"mounted", each.is_mounted}, {"parts", each.parts}});
  for (auto& disk : disks_) {
    if (!disk.is_used())
      continue;
    identity["disk"] = disk.id;
    auto written = write_identity_file(disk.path / identity_file_name, identity);
    if (!written)
      disk.problem = written.error().message;
  }
  if (disks_used() > 0)
    return {};
  std::string why;
  for (auto& disk : disks_)
    why += (why.empty() ? "" : "; ") + disk.problem;
  return fail(errc::io, fmt::format("none of the node's disks can be used: {}", why));
}

bool data_disks::is_marked(const fs::path& folder) {
  std::error_code problem;
  auto file = folder / identity_file_name;
  if (!fs::exists(file, problem))
    return false;
  auto identity = read_identity_file(file);
  return identity && identity->contains("disk");
}

status data_disks::join_group(const std::string& group) {
  if (group == group_)
    return {};
  auto before = std::exchange(group_, group);
  auto written = write_marks();
  if (!written)
    group_ = before;
  return written;
}

/// Whoever replaced one disk must not lose sight of the data on the others.
status data_disks::check_all_known() const {
  auto was_known = [](auto& disk) { return disk.is_used() && !disk.is_new; };
  auto other = std::ranges::find_if_not(disks_, was_known);
  auto known = std::ranges::find_if(disks_, was_known);
  if (other == disks_.end() || known == disks_.end())
    return {};
  return fail(errc::refused,
              fmt::format("--new-disk moves aside what all disks of the node hold, also {}, and {} "
                          "{}: start without --new-disk to go on with the data on the others",
                          known->path.string(), other->path.string(),
                          other->is_used() ? "is a new disk already" : "isn't used"));
}

status data_disks::put_aside() {
  if (auto fine = check_all_known(); !fine)
    return fine;
  for (auto& disk : disks_)
    if (disk.is_used())
      if (auto moved = move_content_aside(disk.path, uuid_); !moved)
        return moved;
  uuid_ = random_uuid();
  group_.clear();
  known_.clear();
  for (auto& disk : disks_) {
    if (!disk.is_used())
      continue;
    disk.id = random_uuid();
    disk.is_new = true;
    known_.push_back({disk.id, disk.path.string(), is_mounted(disk.path), {}});
  }
  return write_marks();
}

status data_disks::check_part(std::size_t disk, const std::string& part) const {
  auto& which = disks_[disk];
  auto mark = std::ranges::find(known_, which.id, &known_disk::id);
  if (mark == known_.end() || !mark->parts.contains(part))
    return {};
  auto gone = is_nothing(which.path / part);
  if (!gone)
    return tl::unexpected{gone.error()};
  if (*gone)
    return fail(errc::refused,
                fmt::format("the data folder {} held the folder '{}', which is gone or empty now: "
                            "if it is on a disk of its own, mount that; if it is lost, empty the "
                            "data folder, which is then taken into use as a new disk",
                            which.path.string(), part));
  return {};
}

status data_disks::note_part(std::size_t disk, const std::string& part) {
  auto* mark = known(disks_[disk].id);
  if (!mark || !mark->parts.insert(part).second)
    return {};
  auto written = write_marks();
  if (!written)
    mark->parts.erase(part);
  return written;
}

status data_disks::forget_part(std::size_t disk, const std::string& part) {
  auto* mark = known(disks_[disk].id);
  return mark && mark->parts.erase(part) > 0 ? write_marks() : status{};
}

data_disks::data_disks(data_disks&& other) noexcept {
  *this = std::move(other);
}

data_disks& data_disks::operator=(data_disks&& other) noexcept {
  std::swap(owner_, other.owner_);
  std::swap(disks_, other.disks_);
  std::swap(locks_, other.locks_);
  std::swap(known_, other.known_);
  std::swap(uuid_, other.uuid_);
  std::swap(group_, other.group_);
  std::swap(revision_, other.revision_);
  std::swap(given_up_, other.given_up_);
  return *this;
}

data_disks::~data_disks() {
  for (auto lock : locks_)
    if (lock >= 0)
      ::close(lock);
}

} // namespace atl
