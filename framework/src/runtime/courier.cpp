#include <atoll/core/log.hpp>
#include <atoll/core/sync.hpp>
#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/courier.hpp>
#include <atoll/runtime/limits.hpp>
#include <atoll/spi/codec.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

namespace atl::runtime {

namespace fs = std::filesystem;

namespace {

constexpr auto look_interval = std::chrono::seconds{1};

enum class call_type : std::uint8_t { offer, read, done };

bool is_plain(std::string_view name) {
  auto plain = [](unsigned char c) { return std::isalnum(c) || c == '-' || c == '_' || c == '.'; };
  return !name.empty() && name.size() <= 255 && name.front() != '.' &&
         std::all_of(name.begin(), name.end(), plain);
}

snapshot_offer read_offer(spi::reader& in) {
  snapshot_offer it;
  it.id = in.get<std::uint64_t>();
  it.position = in.get<spi::log_position>();
  it.blob = in.get_string(snapshot_blob_bytes_max);
  auto count = in.get_count(12);
  if (count > snapshot_files_max)
    in.fail();
  for (std::uint32_t i = 0; in.ok() && i < count; ++i) {
    auto& file = it.files.emplace_back();
    file.name = in.get_string(255);
    file.bytes = in.get<std::uint64_t>();
    if (!is_plain(file.name) || file.bytes > snapshot_bytes_max)
      in.fail();
  }
  return it;
}

/// The files of a folder, by name; none when it can't be read or isn't flat.
std::optional<std::vector<snapshot_file>> files_in(const fs::path& folder) {
  std::vector<snapshot_file> files;
  std::error_code failed;
  for (fs::directory_iterator it{folder, failed}, end; !failed && it != end; it.increment(failed)) {
    if (!it->is_regular_file(failed) || !is_plain(it->path().filename().native()))
      return std::nullopt;
    files.push_back({it->path().filename().native(), it->file_size(failed)});
  }
  if (failed || files.size() > snapshot_files_max)
    return std::nullopt;
  std::sort(files.begin(), files.end(), [](auto& a, auto& b) { return a.name < b.name; });
  return files;
}

envelope refuse(errc code, std::string why) {
  return make_reply({fail(code, std::move(why)), {}, false});
}

envelope accept(std::string bytes = {}) {
  return make_reply({std::move(bytes), {}, false});
}

} // namespace

// -- wire -------------------------------------------------------------------------------------

std::string encode(const snapshot_offer& it) {
  spi::writer out;
  out.put(call_type::offer).put(it.id).put(it.position).put(it.blob);
  out.put(static_cast<std::uint32_t>(it.files.size()));
  for (auto& file : it.files)
    out.put(file.name).put(file.bytes);
  return out.take();
}

std::string encode(const snapshot_read& it) {
  spi::writer out;
  out.put(call_type::read).put(it.id).put(it.file).put(it.offset).put(it.bytes);
  return out.take();
}

std::string encode(const snapshot_done& it) {
  spi::writer out;
  out.put(call_type::done).put(it.id);
  return out.take();
}

std::optional<std::variant<snapshot_offer, snapshot_read, snapshot_done>>
decode_snapshot_call(std::string_view bytes) {
  spi::reader in{bytes};
  std::variant<snapshot_offer, snapshot_read, snapshot_done> it;
  switch (in.get_enum(call_type::done)) {
  case call_type::offer:
    it = read_offer(in);
    break;
  case call_type::read:
    it = snapshot_read{in.get<std::uint64_t>(), in.get<std::uint32_t>(), in.get<std::uint64_t>(),
                       in.get<std::uint32_t>()};
    break;
  case call_type::done:
    it = snapshot_done{in.get<std::uint64_t>()};
    break;
  }
  return in.done() ? std::optional{std::move(it)} : std::nullopt;
}

bool is_snapshot_offer(std::string_view bytes) {
  return !bytes.empty() && static_cast<call_type>(bytes.front()) == call_type::offer;
}

// -- life -------------------------------------------------------------------------------------

courier_actor::courier_actor(caf::actor_config& config, settings given)
    : caf::event_based_actor{config}, settings_{std::move(given)}, next_id_{settings_.seed | 1} {}

void courier_actor::on_exit() {
  receiving_.reset();
  settings_.replica = nullptr;
}

caf::behavior courier_actor::make_behavior() {
  for (auto& folder : {settings_.incoming, settings_.outgoing}) {
    std::error_code failed;
    fs::remove_all(folder, failed);
  }
  tell_later(this, look_interval, flush_tick{});
  return {
      [this](snapshot_order& order) { send_offer(order); },
      [this](snapshot_call& call) { return take(call); },
      [this](replica_tick tick) {
        if (receiving_ && receiving_->generation == tick.generation)
          fetch_next();
      },
      [this](flush_tick) {
        look_after();
        tell_later(this, look_interval, flush_tick{});
      },
      // The other side's receipts for what was sent without waiting.
      [](const envelope&) {},
  };
}

/// Gives up what hasn't moved for long.
void courier_actor::look_after() {
  auto patience =
      std::max<std::chrono::milliseconds>(snapshot_patience, settings_.timing.failure_timeout * 5);
  auto now = clock::now();
  std::vector<spi::replica_id> silent;
  for (auto& [to, it] : sending_)
    if (now - it.touched > patience)
      silent.push_back(to);
  for (auto to : silent)
    end_sending(to, false);
  if (receiving_ && now - receiving_->touched > patience)
    abandon("nothing came for too long");
}

envelope courier_actor::addressed(spi::replica_id to, std::string body) const {
  spi::writer head;
  head.put(settings_.self.replica).put(to);
  auto bytes = head.take();
  bytes += body;
  return {message_kind::snapshot, group_digest(settings_.self), std::move(bytes)};
}

envelope courier_actor::take(snapshot_call& call) {
  auto decoded = decode_snapshot_call(call.bytes);
  if (!decoded)
    return refuse(errc::corrupt, "a call about a snapshot that can't be read");
  if (auto* offer = std::get_if<snapshot_offer>(&*decoded))
    return on_offer(call, std::move(*offer));
  if (auto* read = std::get_if<snapshot_read>(&*decoded))
    return on_read(call.from, *read);
  return on_done(call.from, std::get<snapshot_done>(*decoded));
}

// -- the one who has it -----------------------------------------------------------------------

void courier_actor::send_offer(snapshot_order& order) {
  if (sending_.contains(order.to))
    end_sending(order.to, false);
  auto files = files_in(order.folder);
  if (!files) {
    log::error("master", "", "the snapshot in {} can't be read", order.folder.string());
    return tell(this, settings_.replica, snapshot_outcome{order.to, false});
  }
  snapshot_offer offer{next_id_ += 2, order.position, std::move(order.blob), *files};
  sending_[order.to] = {offer.id, order.folder, std::move(*files), clock::now()};
  auto to = order.to;
  ask(this, order.link, settings_.timing.failure_timeout * 2, addressed(to, encode(offer)))
      .then(
          [this, to, id = offer.id](const envelope& answer) {
            auto taken = decode_reply(answer.body);
            auto it = sending_.find(to);
            if (taken.value || it == sending_.end() || it->second.id != id)
              return;
            log::warning("master", fmt::to_string(to), "doesn't take a snapshot now: {}",
                         taken.value.error().message);
            end_sending(to, false);
          },
          [this, to, id = offer.id](const caf::error&) {
            if (auto it = sending_.find(to); it != sending_.end() && it->second.id == id)
              end_sending(to, false);
          });
  log::info("master", fmt::to_string(to), "is offered a snapshot up to entry {}", offer.position);
}

void courier_actor::end_sending(spi::replica_id to, bool ok) {
  auto it = sending_.find(to);
  std::error_code ignored;
  fs::remove_all(it->second.folder, ignored);
  sending_.erase(it);
  tell(this, settings_.replica, snapshot_outcome{to, ok});
}

envelope courier_actor::on_read(spi::replica_id from, const snapshot_read& wanted) {
  auto it = sending_.find(from);
  if (it == sending_.end() || it->second.id != wanted.id)
    return refuse(errc::not_found, "that snapshot is no longer here");
  auto& files = it->second.files;
  if (wanted.file >= files.size() || wanted.offset > files[wanted.file].bytes)
    return refuse(errc::invalid, "that isn't in the snapshot");
  auto& file = files[wanted.file];
  auto bytes =
      std::min<std::uint64_t>({wanted.bytes, snapshot_piece_bytes, file.bytes - wanted.offset});
  std::ifstream in{it->second.folder / file.name, std::ios::binary};
  in.seekg(static_cast<std::streamoff>(wanted.offset));
  std::string piece(bytes, '\0');
  in.read(piece.data(), static_cast<std::streamsize>(bytes));
  if (static_cast<std::uint64_t>(in.gcount()) != bytes)
    return refuse(errc::io, "the snapshot can't be read: " + file.name);
  it->second.touched = clock::now();
  return accept(std::move(piece));
}

envelope courier_actor::on_done(spi::replica_id from, const snapshot_done& done) {
  if (auto it = sending_.find(from); it != sending_.end() && it->second.id == done.id)
    end_sending(from, true);
  return accept();
}

// -- the one who lacks it ---------------------------------------------------------------------

envelope courier_actor::on_offer(const snapshot_call& call, snapshot_offer offer) {
  if (receiving_)
    return refuse(errc::busy, "another snapshot is coming in");
  std::error_code failed;
  fs::remove_all(settings_.incoming, failed);
  fs::create_directories(settings_.incoming, failed);
  auto space = fs::space(settings_.incoming, failed);
  if (failed)
    return refuse(errc::io, "can't make a folder for the snapshot: " + failed.message());
  std::uint64_t bytes = 0;
  for (auto& file : offer.files)
    bytes += file.bytes;
  if (bytes > space.available)
    return refuse(errc::no_space, fmt::format("the snapshot has {} bytes, and the disk {} left",
                                              bytes, space.available));
  log::info("master", fmt::to_string(call.from), "takes a snapshot of {} bytes, up to entry {}",
            bytes, offer.position);
  auto& it = receiving_.emplace();
  it.from = call.from;
  it.link = call.link;
  it.offer = std::move(offer);
  it.generation = ++generations_;
  it.touched = clock::now();
  if (!it.offer.files.empty() && !open_file()) {
    abandon("its file can't be made");
    return refuse(errc::io, "can't make a file for the snapshot");
  }
  tell(this, caf::actor_cast<caf::actor>(this), replica_tick{it.generation});
  return accept();
}

bool courier_actor::open_file() {
  auto& it = *receiving_;
  it.offset = 0;
  it.out = std::ofstream{settings_.incoming / it.offer.files[it.file].name, std::ios::binary};
  return it.out.good();
}

bool courier_actor::finish_file() {
  auto& it = *receiving_;
  it.out.close();
  return it.out.good() && sync_to_disk(settings_.incoming / it.offer.files[it.file].name);
}

void courier_actor::fetch_next() {
  auto& it = *receiving_;
  while (it.file < it.offer.files.size() && it.offset == it.offer.files[it.file].bytes) {
    if (!finish_file())
      return abandon("its files can't be written");
    if (++it.file < it.offer.files.size() && !open_file())
      return abandon("its files can't be made");
  }
  if (it.file == it.offer.files.size())
    return finish_receiving();
  snapshot_read wanted{it.offer.id, static_cast<std::uint32_t>(it.file), it.offset,
                       snapshot_piece_bytes};
  auto generation = it.generation;
  ask(this, it.link, settings_.timing.failure_timeout * 2, addressed(it.from, encode(wanted)))
      .then(
          [this, generation](const envelope& answer) {
            if (!receiving_ || receiving_->generation != generation)
              return;
            auto piece = decode_reply(answer.body);
            if (piece.value)
              return on_piece(*piece.value);
            auto& problem = piece.value.error();
            if (problem.code != errc::unavailable && problem.code != errc::timeout &&
                problem.code != errc::busy)
              return abandon(problem.message);
            tell_later(this, settings_.timing.heartbeat, replica_tick{generation});
          },
          [this, generation](const caf::error&) {
            tell_later(this, settings_.timing.heartbeat, replica_tick{generation});
          });
}

void courier_actor::on_piece(const std::string& bytes) {
  auto& it = *receiving_;
  auto& file = it.offer.files[it.file];
  if (bytes.empty() || bytes.size() > file.bytes - it.offset)
    return abandon("a piece has the wrong size");
  it.out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!it.out)
    return abandon("its files can't be written");
  it.offset += bytes.size();
  it.touched = clock::now();
  auto pause = std::chrono::microseconds{bytes.size() * 1'000'000 / settings_.timing.snapshot_rate};
  tell_later(this, pause, replica_tick{it.generation});
}

void courier_actor::finish_receiving() {
  if (!sync_to_disk(settings_.incoming))
    return abandon("its folder can't be synced");
  auto& it = *receiving_;
  log::info("master", fmt::to_string(it.from), "gave its snapshot up to entry {}",
            it.offer.position);
  tell(this, settings_.replica,
       snapshot_arrived{it.offer.position, std::move(it.offer.blob), settings_.incoming});
  tell(this, it.link, addressed(it.from, encode(snapshot_done{it.offer.id})));
  receiving_.reset();
}

void courier_actor::abandon(const std::string& why) {
  log::warning("master", fmt::to_string(receiving_->from), "its snapshot is given up: {}", why);
  receiving_.reset();
  std::error_code ignored;
  fs::remove_all(settings_.incoming, ignored);
}

} // namespace atl::runtime
