#include "common/master_protocol.hpp"

#include "common/policy.hpp"
#include "common/protocol_encoding.hpp"

namespace dfs::protocol {

// Not in a namespace without a name, where the lists of the shared header would not find them.

constexpr std::size_t targets_max = 64;

static void write(writer& out, const fragment_finding& finding) {
  write(out, finding.chunk);
  out.put(finding.fragment);
}
static void read(reader& in, fragment_finding& finding) {
  read(in, finding.chunk);
  finding.fragment = in.get<std::uint32_t>();
}

static void write(writer& out, const disk_report& disk) {
  out.put(std::string_view{disk.folder}.substr(0, text_bytes_max))
      .put(std::string_view{disk.failed}.substr(0, text_bytes_max));
  out.put(disk.capacity_bytes).put(disk.free_bytes).put(disk.used_bytes);
  out.put(disk.chunks).put(disk.damaged);
  write(out, disk.scrub);
}
static void read(reader& in, disk_report& disk) {
  disk.folder = in.get_string(text_bytes_max);
  disk.failed = in.get_string(text_bytes_max);
  for (auto* number :
       {&disk.capacity_bytes, &disk.free_bytes, &disk.used_bytes, &disk.chunks, &disk.damaged})
    *number = in.get<std::uint64_t>();
  read(in, disk.scrub);
}

static void write(writer& out, const fragment_removal& removal) {
  write(out, removal.chunk);
  out.put(removal.fragment).put(removal.generation).put(removal.id);
}
static void read(reader& in, fragment_removal& removal) {
  read(in, removal.chunk);
  removal.fragment = in.get<std::uint32_t>();
  removal.generation = in.get<std::uint64_t>();
  removal.id = in.get<std::uint64_t>();
}

static void write(writer& out, const storage_target& target) {
  out.put(target.id).put(target.name);
  write(out, target.bulk);
}
static void read(reader& in, storage_target& target) {
  target.id = in.get<storage_id>();
  target.name = in.get_string(name_bytes_max);
  read(in, target.bulk);
}

static void write(writer& out, const placement& item) {
  write(out, item.chunk);
  write_list(out, item.targets);
}
static void read(reader& in, placement& item) {
  read(in, item.chunk);
  read_list(in, item.targets, targets_max);
}

static void write(writer& out, const storage_view& view) {
  write(out, view.target);
  out.put(view.zone);
  write(out, view.weight);
  out.put(view.capacity_bytes).put(view.free_bytes).put(view.healthy);
}
static void read(reader& in, storage_view& view) {
  read(in, view.target);
  view.zone = in.get_string(name_bytes_max);
  read(in, view.weight);
  view.capacity_bytes = in.get<std::uint64_t>();
  view.free_bytes = in.get<std::uint64_t>();
  view.healthy = in.get<bool>();
}

static void write(writer& out, const plugin_choice& choice) {
  out.put(choice.name).put(choice.version);
  dfs::write(out, choice.options);
}
static void read(reader& in, plugin_choice& choice) {
  choice.name = in.get_string(name_bytes_max);
  choice.version = in.get_string(name_bytes_max);
  dfs::read(in, choice.options);
}

std::string encode(const storage_heartbeat& message) {
  writer out;
  out.put(message.name).put(message.uuid).put(message.incarnation).put(message.group);
  write(out, message.bulk);
  out.put(message.control).put(message.zone);
  write(out, message.weight);
  out.put(message.capacity_bytes).put(message.free_bytes).put(message.used_bytes);
  out.put(message.chunks)
      .put(message.in_flight)
      .put(message.removed_bytes)
      .put(message.damaged)
      .put(std::string_view{message.failed}.substr(0, text_bytes_max))
      .put(message.batch_taken);
  write_list(out, message.findings);
  write_list(out, message.done);
  write_optional(out, message.slice);
  write(out, message.scrub);
  write_list(out, message.disks);
  return out.take();
}

atl::result<storage_heartbeat> decode_storage_heartbeat(std::string_view bytes) {
  reader in{bytes};
  storage_heartbeat message;
  message.name = in.get_string(name_bytes_max);
  message.uuid = in.get_string(name_bytes_max);
  message.incarnation = in.get<std::uint64_t>();
  message.group = in.get_string(name_bytes_max);
  read(in, message.bulk);
  message.control = in.get_string(name_bytes_max);
  message.zone = in.get_string(name_bytes_max);
  read(in, message.weight);
  message.capacity_bytes = in.get<std::uint64_t>();
  message.free_bytes = in.get<std::uint64_t>();
  message.used_bytes = in.get<std::uint64_t>();
  message.chunks = in.get<std::uint64_t>();
  message.in_flight = in.get<std::uint32_t>();
  message.removed_bytes = in.get<std::uint64_t>();
  message.damaged = in.get<std::uint64_t>();
  message.failed = in.get_string(text_bytes_max);
  message.batch_taken = in.get<std::uint64_t>();
  read_list(in, message.findings, fragments_max);
  read_list(in, message.done, tasks_max);
  read_optional(in, message.slice);
  read(in, message.scrub);
  read_list(in, message.disks, disks_max);
  return finished(in, std::move(message), "a storage node's heartbeat");
}

std::string encode(const storage_commands& message) {
  writer out;
  out.put(message.group).put(message.id).put(message.term).put(message.batch);
  write_list(out, message.remove);
  write_list(out, message.tasks);
  write_optional(out, message.slice_from);
  out.put(message.has_conversions);
  return out.take();
}

atl::result<storage_commands> decode_storage_commands(std::string_view bytes) {
  reader in{bytes};
  storage_commands message;
  message.group = in.get_string(name_bytes_max);
  message.id = in.get<storage_id>();
  message.term = in.get<std::uint64_t>();
  message.batch = in.get<std::uint64_t>();
  read_list(in, message.remove, fragments_max);
  read_list(in, message.tasks, tasks_max);
  read_optional(in, message.slice_from);
  message.has_conversions = in.get<bool>();
  return finished(in, std::move(message), "a master's orders");
}

std::string encode(const allocate_request& message) {
  writer out;
  out.put(message.upload).put(message.chunks).put(message.chunk_bytes);
  write_list(out, message.avoid);
  out.put(message.policy);
  return out.take();
}

atl::result<allocate_request> decode_allocate_request(std::string_view bytes) {
  reader in{bytes};
  allocate_request message;
  message.upload = in.get<std::uint64_t>();
  message.chunks = in.get<std::uint32_t>();
  message.chunk_bytes = in.get<std::uint64_t>();
  read_list(in, message.avoid, storages_max);
  message.policy = in.get<policy_id>();
  if (message.chunks == 0 || message.chunks > chunks_per_request_max)
    in.fail();
  return finished(in, std::move(message), "a request for room");
}

std::string encode(const allocate_response& message) {
  writer out;
  write_list(out, message.placements);
  out.put(message.refusal.has_value());
  if (message.refusal)
    out.put(message.refusal->code)
        .put(std::string_view{message.refusal->message}.substr(0, text_bytes_max));
  out.put(message.version);
  return out.take();
}

atl::result<allocate_response> decode_allocate_response(std::string_view bytes) {
  reader in{bytes};
  allocate_response message;
  read_list(in, message.placements, chunks_per_request_max);
  if (in.get<bool>()) {
    auto code = in.get_enum(atl::errc_last);
    message.refusal = atl::error{code, in.get_string(text_bytes_max)};
  }
  message.version = in.get<std::uint64_t>();
  return finished(in, std::move(message), "a master's answer");
}

std::string encode(const finish_request& message) {
  writer out;
  out.put(message.upload);
  return out.take();
}

atl::result<finish_request> decode_finish_request(std::string_view bytes) {
  reader in{bytes};
  finish_request message{in.get<std::uint64_t>()};
  return finished(in, message, "the end of an upload");
}

std::string encode(const renew_request& message) {
  writer out;
  out.put(message.upload).put(message.began_us);
  return out.take();
}

atl::result<renew_request> decode_renew_request(std::string_view bytes) {
  reader in{bytes};
  renew_request message;
  message.upload = in.get<std::uint64_t>();
  message.began_us = in.get<std::uint64_t>();
  return finished(in, message, "the sign of life of an upload");
}

std::string encode(const collect_request& message) {
  writer out;
  out.put(message.run);
  return out.take();
}

atl::result<collect_request> decode_collect_request(std::string_view bytes) {
  reader in{bytes};
  collect_request message{in.get<std::uint64_t>()};
  return finished(in, message, "the order to collect");
}

std::string encode(const collect_state& message) {
  writer out;
  out.put(message.phase).put(message.fragments).put(message.bytes).put(message.fragments_left);
  out.put(message.uploads).put(message.wait_ms);
  out.put(static_cast<std::uint32_t>(message.nodes_down.size()));
  for (auto& name : message.nodes_down)
    out.put(name);
  return out.take();
}

atl::result<collect_state> decode_collect_state(std::string_view bytes) {
  reader in{bytes};
  collect_state message;
  message.phase = in.get_enum(collect_phase_last);
  for (auto* number : {&message.fragments, &message.bytes, &message.fragments_left,
                       &message.uploads, &message.wait_ms})
    *number = in.get<std::uint64_t>();
  auto count = in.get<std::uint32_t>();
  if (count > storages_max)
    in.fail();
  for (std::uint32_t i = 0; in.ok() && i < count; ++i)
    message.nodes_down.push_back(in.get_string(name_bytes_max));
  return finished(in, std::move(message), "the state of a collection");
}

namespace {

void write_settings(writer& out, const cluster_info& message) {
  out.put(message.cluster).put(message.grace_us).put(message.losses_survived);
  write(out, message.reads);
}

} // namespace

std::uint64_t settings_version(const cluster_info& info) {
  writer out;
  write_settings(out, info);
  std::uint64_t hash = 0xcbf29ce484222325; // FNV-1a
  for (auto each : out.take())
    hash = (hash ^ static_cast<unsigned char>(each)) * 0x100000001b3;
  return hash;
}

std::string encode(const cluster_info& message) {
  writer out;
  write_settings(out, message);
  out.put(message.version);
  write_list(out, message.storages);
  return out.take();
}

atl::result<cluster_info> decode_cluster_info(std::string_view bytes) {
  reader in{bytes};
  cluster_info message;
  message.cluster = in.get_string(name_bytes_max);
  message.grace_us = in.get<std::uint64_t>();
  message.losses_survived = in.get<std::uint32_t>();
  read(in, message.reads);
  message.version = in.get<std::uint64_t>();
  read_list(in, message.storages, storages_max);
  return finished(in, std::move(message), "a master's description of the cluster");
}

} // namespace dfs::protocol
