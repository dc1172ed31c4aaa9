#include <atoll/core/crc32c.hpp>
#include <atoll/core/logging.hpp>
#include <atoll/core/sync.hpp>
#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/runtime_limits.hpp>
#include <atoll/runtime/snapshot_transfer.hpp>
#include <atoll/spi/codec.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <random>
#include <set>
#include <sstream>
#include <utility>

namespace atl::runtime {

namespace fs = std::filesystem;

namespace {

constexpr auto look_interval = std::chrono::seconds{1};

/// The file that holds the offer, beside the incoming files. No file of a snapshot has such a name.
constexpr auto note_name = ".offer";

enum class call_type : std::uint8_t { offer, done };

transfer_token random_token() {
  std::random_device source; // a token that can be guessed gives access to the state
  auto word = [&] { return std::uint64_t{source()} << 32 | source(); };
  return {word(), word()};
}

bool is_plain(std::string_view name) {
  auto plain = [](unsigned char c) { return std::isalnum(c) || c == '-' || c == '_' || c == '.'; };
  return !name.empty() && name.size() <= 255 && name.front() != '.' &&
         std::all_of(name.begin(), name.end(), plain);
}

snapshot_offer read_offer(spi::reader& in) {
  snapshot_offer offer;
  offer.id = in.get<std::uint64_t>();
  offer.index = in.get<spi::log_index>();
  offer.port = in.get<std::uint16_t>();
  offer.token.high = in.get<std::uint64_t>();
  offer.token.low = in.get<std::uint64_t>();
  offer.blob = in.get_string(snapshot_blob_bytes_max);
  auto count = in.get_count(16);
  if (count > snapshot_files_max)
    in.fail();
  for (std::uint32_t i = 0; in.ok() && i < count; ++i) {
    auto& file = offer.files.emplace_back();
    file.name = in.get_string(255);
    file.bytes = in.get<std::uint64_t>();
    file.crc = in.get<std::uint32_t>();
    if (!is_plain(file.name) || file.bytes > snapshot_bytes_max)
      in.fail();
  }
  return offer;
}

bool measure(const fs::path& path, snapshot_file& file) {
  std::ifstream in{path, std::ios::binary};
  std::string piece;
  do {
    piece.resize(file_piece_bytes);
    in.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    piece.resize(static_cast<std::size_t>(in.gcount()));
    file.bytes += piece.size();
    file.crc = crc32c(piece, file.crc);
  } while (!piece.empty());
  return in.eof();
}

/// The files of a folder by name; none if the folder can't be read or has subfolders.
std::optional<std::vector<snapshot_file>> files_in(const fs::path& folder) {
  std::vector<snapshot_file> files;
  std::error_code failed;
  for (fs::directory_iterator it{folder, failed}, end; !failed && it != end; it.increment(failed)) {
    if (!it->is_regular_file(failed) || !is_plain(it->path().filename().native()))
      return std::nullopt;
    auto& file = files.emplace_back();
    file.name = it->path().filename().native();
    if (!measure(it->path(), file))
      return std::nullopt;
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

std::string encode(const snapshot_offer& offer) {
  spi::writer out;
  out.put(call_type::offer).put(offer.id).put(offer.index);
  out.put(offer.port).put(offer.token.high).put(offer.token.low).put(offer.blob);
  out.put(static_cast<std::uint32_t>(offer.files.size()));
  for (auto& file : offer.files)
    out.put(file.name).put(file.bytes).put(file.crc);
  return out.take();
}

std::string encode(const snapshot_done& done) {
  spi::writer out;
  out.put(call_type::done).put(done.id).put(done.ok);
  return out.take();
}

std::optional<std::variant<snapshot_offer, snapshot_done>>
decode_snapshot_call(std::string_view bytes) {
  spi::reader in{bytes};
  std::variant<snapshot_offer, snapshot_done> it;
  switch (in.get_enum(call_type::done)) {
  case call_type::offer:
    it = read_offer(in);
    break;
  case call_type::done:
    it = snapshot_done{in.get<std::uint64_t>(), in.get<bool>()};
    break;
  }
  return in.done() ? std::optional{std::move(it)} : std::nullopt;
}

bool is_snapshot_offer(std::string_view bytes) {
  return !bytes.empty() && static_cast<call_type>(bytes.front()) == call_type::offer;
}

fetch_plan plan_of_fetch(const snapshot_offer& offer, const std::string& host, const fs::path& into,
                         const net::identity& self, const net::cluster_secret& secret,
                         const connection_settings& timing) {
  fetch_plan plan;
  plan.from = {host, offer.port};
  plan.token = offer.token;
  plan.self = self;
  plan.secret = secret;
  for (auto& file : offer.files)
    plan.files.push_back({into / file.name, file.bytes, file.crc});
  plan.bytes_per_second = timing.snapshot_rate;
  plan.idle_timeout =
      std::max<std::chrono::milliseconds>(snapshot_idle_timeout, timing.failure_timeout * 5);
  plan.retry = timing.heartbeat;
  return plan;
}

// -- start and stop
// -------------------------------------------------------------------------------------

snapshot_transfer_actor::snapshot_transfer_actor(caf::actor_config& config, settings given)
    : caf::event_based_actor{config}, settings_{std::move(given)}, next_id_{settings_.seed | 1} {}

void snapshot_transfer_actor::on_exit() {
  end_receiving();
  files_.reset();
  settings_.replica = nullptr;
}

caf::behavior snapshot_transfer_actor::make_behavior() {
  std::error_code ignored;
  fs::remove_all(settings_.outgoing, ignored);
  if (!offered_before())
    fs::remove_all(settings_.incoming, ignored);
  drop_parts_at_ = clock::now() + snapshot_parts_retention;
  auto server = file_server::start(settings_.listen, identity(), settings_.secret);
  if (server)
    files_ = std::move(*server);
  else
    log::error(settings_.role.name, "", "{}; this replica gives no snapshots",
               server.error().message);
  tell_later(this, look_interval, flush_tick{});
  return {
      [this](snapshot_order& order) { return on_order(order); },
      [this](snapshot_call& call) { return on_call(call); },
      [this](const snapshot_fetched& done) { on_fetched(done); },
      [this](flush_tick) {
        on_tick();
        tell_later(this, look_interval, flush_tick{});
      },
      // Replies to messages that were sent without waiting for an answer.
      [](const envelope&) {},
  };
}

/// Without the group: a replica that isn't a member yet gets a snapshot as well.
net::identity snapshot_transfer_actor::identity() const {
  net::identity self;
  self.cluster = settings_.self.cluster;
  self.name = settings_.self.name;
  self.role = settings_.role.name;
  return self;
}

/// Ends transfers without progress.
void snapshot_transfer_actor::on_tick() {
  auto idle_timeout = std::max<std::chrono::milliseconds>(snapshot_idle_timeout,
                                                          settings_.timing.failure_timeout * 5);
  auto now = clock::now();
  std::vector<spi::replica_id> silent;
  for (auto& [to, it] : sending_)
    if (now - std::max(it.offered, files_->last_taken(it.token)) > idle_timeout)
      silent.push_back(to);
  for (auto to : silent)
    end_sending(to, false);
  std::error_code ignored;
  // Without the stored offer the folder is empty, or belongs to the state machine.
  if (!receiving_ && now >= drop_parts_at_ && fs::exists(settings_.incoming / note_name, ignored))
    fs::remove_all(settings_.incoming, ignored);
}

envelope snapshot_transfer_actor::addressed(spi::replica_id to, const std::string& body) const {
  spi::writer head;
  head.put(settings_.role.replica).put(to);
  auto bytes = head.take();
  bytes += body;
  return {message_kind::snapshot, group_digest(settings_.self, settings_.role), std::move(bytes),
          settings_.role.name};
}

envelope snapshot_transfer_actor::on_call(snapshot_call& call) {
  auto decoded = decode_snapshot_call(call.bytes);
  if (!decoded)
    return refuse(errc::corrupt, "a call about a snapshot that can't be read");
  if (auto* offer = std::get_if<snapshot_offer>(&*decoded))
    return on_offer(call, std::move(*offer));
  return on_done(call.from, std::get<snapshot_done>(*decoded));
}

// -- sender -----------------------------------------------------------------------------------

envelope snapshot_transfer_actor::on_order(snapshot_order& order) {
  if (sending_.contains(order.to))
    end_sending(order.to, false);
  auto files = files_ ? files_in(order.folder) : std::nullopt;
  if (!files) {
    auto why = fmt::format("the snapshot in {} can't be {}", order.folder.string(),
                           files_ ? "read" : "given");
    log::error(settings_.role.name, "", "{}", why);
    tell(this, settings_.replica, snapshot_outcome{order.to, false});
    return refuse(errc::unavailable, std::move(why));
  }
  snapshot_offer offer{next_id_ += 2,  order.index,           files_->port(),
                       random_token(), std::move(order.blob), std::move(*files)};
  std::vector<fs::path> paths;
  for (auto& file : offer.files)
    paths.push_back(order.folder / file.name);
  files_->offer(offer.token, std::move(paths));
  sending_[order.to] = {offer.id, order.folder, offer.token, clock::now()};
  log::info(settings_.role.name, fmt::to_string(order.to), "is offered a snapshot up to entry {}",
            offer.index);
  if (order.connection)
    send_offer(order.to, order.connection, offer);
  return accept(encode(offer));
}

void snapshot_transfer_actor::send_offer(spi::replica_id to, const caf::actor& connection,
                                         const snapshot_offer& offer) {
  ask(this, connection, settings_.timing.failure_timeout * 2, addressed(to, encode(offer)))
      .then(
          [this, to, id = offer.id](const envelope& answer) {
            auto taken = decode_reply(answer.body);
            auto it = sending_.find(to);
            if (taken.value || it == sending_.end() || it->second.id != id)
              return;
            log::warning(settings_.role.name, fmt::to_string(to), "doesn't take a snapshot now: {}",
                         taken.value.error().message);
            end_sending(to, false);
          },
          [this, to, id = offer.id](const caf::error&) {
            if (auto it = sending_.find(to); it != sending_.end() && it->second.id == id)
              end_sending(to, false);
          });
}

void snapshot_transfer_actor::end_sending(spi::replica_id to, bool ok) {
  auto it = sending_.find(to);
  files_->withdraw(it->second.token);
  std::error_code ignored;
  fs::remove_all(it->second.folder, ignored);
  sending_.erase(it);
  tell(this, settings_.replica, snapshot_outcome{to, ok});
}

envelope snapshot_transfer_actor::on_done(spi::replica_id from, const snapshot_done& done) {
  if (auto it = sending_.find(from); it != sending_.end() && it->second.id == done.id)
    end_sending(from, done.ok);
  return accept();
}

// -- receiver ---------------------------------------------------------------------------------

/// The bytes of an interrupted transfer that are present.
std::optional<snapshot_offer> snapshot_transfer_actor::offered_before() const {
  std::ostringstream note;
  note << std::ifstream{settings_.incoming / note_name, std::ios::binary}.rdbuf();
  auto call = decode_snapshot_call(note.str());
  auto* offer = call ? std::get_if<snapshot_offer>(&*call) : nullptr;
  return offer ? std::optional{std::move(*offer)} : std::nullopt;
}

/// Removes the parts of an earlier snapshot, except files that this offer contains as well: many
/// files of a state machine never change. The checksum of each file is checked once it is complete,
/// so a file that a crash damaged is found. @returns the bytes that were kept
std::uint64_t snapshot_transfer_actor::keep_parts(const snapshot_offer& offer) {
  std::error_code failed;
  auto before = offered_before();
  if (!before)
    fs::remove_all(settings_.incoming, failed);
  fs::create_directories(settings_.incoming, failed);
  std::uint64_t kept = 0;
  std::set<snapshot_file> wanted(offer.files.begin(), offer.files.end());
  for (auto& had : before ? before->files : std::vector<snapshot_file>{}) {
    auto path = settings_.incoming / had.name;
    if (!wanted.contains(had))
      fs::remove(path, failed);
    else if (auto bytes = fs::file_size(path, failed); !failed)
      kept += bytes;
  }
  std::ofstream{settings_.incoming / note_name, std::ios::binary} << encode(offer);
  return kept;
}

envelope snapshot_transfer_actor::on_offer(const snapshot_call& call, snapshot_offer offer) {
  if (receiving_)
    return refuse(errc::busy, "another snapshot is coming in");
  auto kept = keep_parts(offer);
  std::error_code failed;
  auto space = fs::space(settings_.incoming, failed);
  if (failed)
    return refuse(errc::io, "can't make a folder for the snapshot: " + failed.message());
  std::uint64_t bytes = 0;
  for (auto& file : offer.files)
    bytes += file.bytes;
  if (bytes > space.available + kept)
    return refuse(errc::no_space, fmt::format("the snapshot has {} bytes, and the disk {} left",
                                              bytes, space.available + kept));
  log::info(settings_.role.name, fmt::to_string(call.from),
            "takes a snapshot of {} bytes, up to entry {}; {} of them are here already", bytes,
            offer.index, kept);
  receiving_ = std::make_unique<receiving>();
  receiving_->from = call.from;
  receiving_->connection = call.connection;
  receiving_->offer = std::move(offer);
  receiving_->generation = ++generations_;
  begin_fetching(call.host);
  return accept();
}

void snapshot_transfer_actor::begin_fetching(const std::string& host) {
  auto& it = *receiving_;
  auto plan = plan_of_fetch(it.offer, host, settings_.incoming, identity(), settings_.secret,
                            settings_.timing);
  it.thread = std::thread{[self = caf::actor_cast<caf::actor>(this), plan = std::move(plan),
                           stop = &it.stop, folder = settings_.incoming,
                           generation = it.generation]() mutable {
    status outcome;
    try {
      outcome = fetch_files(plan, *stop);
    } catch (const std::exception& problem) { // out of memory or files
      outcome = fail(errc::io, std::string{"fetching the snapshot: "} + problem.what());
    }
    std::error_code failed;
    if (outcome && !fs::remove(folder / note_name, failed) && failed)
      outcome = fail(errc::io, "can't remove the note of the offer: " + failed.message());
    if (outcome)
      outcome = sync_to_disk(folder);
    tell_from_outside(std::exchange(self, nullptr), snapshot_fetched{generation, outcome});
  }};
}

void snapshot_transfer_actor::on_fetched(const snapshot_fetched& done) {
  if (!receiving_ || receiving_->generation != done.generation)
    return;
  auto& it = *receiving_;
  tell(this, it.connection,
       addressed(it.from, encode(snapshot_done{it.offer.id, done.outcome.has_value()})));
  if (done.outcome) {
    log::info(settings_.role.name, fmt::to_string(it.from), "gave its snapshot up to entry {}",
              it.offer.index);
    tell(this, settings_.replica,
         snapshot_arrived{it.offer.index, std::move(it.offer.blob), settings_.incoming});
  } else {
    log::warning(settings_.role.name, fmt::to_string(it.from), "its snapshot is given up: {}",
                 done.outcome.error().message);
  }
  end_receiving();
}

void snapshot_transfer_actor::end_receiving() {
  if (!receiving_)
    return;
  receiving_->stop = true;
  if (receiving_->thread.joinable())
    receiving_->thread.join();
  receiving_.reset();
  drop_parts_at_ = clock::now() + snapshot_parts_retention;
}

} // namespace atl::runtime
