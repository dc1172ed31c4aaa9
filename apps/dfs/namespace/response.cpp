#include "namespace/response.hpp"

#include "namespace/namespace_limits.hpp"
#include "namespace/shared_encoding.hpp"

#include <algorithm>

namespace dfs::responses {

using atl::spi::reader;
using atl::spi::writer;

namespace {

constexpr std::size_t entry_bytes_min = 4 + 8 + wire::attributes_bytes;
constexpr std::size_t storage_bytes_min = 4 + 4 + 4 + 1;
constexpr std::size_t policy_bytes_min = 4 * 10;
constexpr std::size_t trash_item_bytes_min = 8 + 1 + 8 + 4 + 4 * 8 + 1;
constexpr std::size_t unconverted_item_bytes_min = 8 + 4 + 8 + 8 + wire::chunk_bytes_min + 4;

template <class Item, class Write>
void write_list(writer& out, const std::vector<Item>& items, Write write_one) {
  out.put(static_cast<std::uint32_t>(items.size()));
  for (const auto& item : items)
    write_one(item);
}

/// The list grows while it is read: a hostile count must not cause a large allocation.
template <class Item, class Read>
void read_list(reader& in, std::vector<Item>& items, std::size_t item_bytes_min, Read read_one) {
  auto count = in.get_count(item_bytes_min);
  for (std::uint32_t i = 0; i < count && in.ok(); ++i)
    read_one(items.emplace_back());
}

void write_chunks(writer& out, const std::vector<chunk_record>& chunks) {
  write_list(out, chunks, [&](auto& chunk) { wire::write(out, chunk); });
}

void read_chunks(reader& in, std::vector<chunk_record>& chunks) {
  read_list(in, chunks, wire::chunk_bytes_min, [&](auto& chunk) { wire::read(in, chunk); });
}

} // namespace

void write(writer& out, const changed& answer) {
  out.put(answer.inode).put(answer.version).put(answer.time_ns);
}

void read(reader& in, changed& answer) {
  answer.inode = in.get<inode_id>();
  answer.version = in.get<std::uint64_t>();
  answer.time_ns = in.get<std::int64_t>();
}

void write(writer& out, const registered& answer) {
  out.put(answer.id);
}

void read(reader& in, registered& answer) {
  answer.id = in.get<storage_id>();
}

void write(writer& out, const garbage_collected& answer) {
  out.put(answer.gc_watermark_us).put(answer.reclaimed_inodes);
  out.put(answer.expired_sessions).put(answer.pending_removals);
  out.put(answer.discarded_entries);
}

void read(reader& in, garbage_collected& answer) {
  answer.gc_watermark_us = in.get<std::uint64_t>();
  answer.reclaimed_inodes = in.get<std::uint32_t>();
  answer.expired_sessions = in.get<std::uint32_t>();
  answer.pending_removals = in.get<std::uint64_t>();
  answer.discarded_entries = in.get<std::uint32_t>();
}

void write(writer& out, const entry& answer) {
  out.put(answer.name).put(answer.inode);
  wire::write(out, answer.attributes);
}

void read(reader& in, entry& answer) {
  answer.name = in.get_string(limits::name_bytes_max);
  answer.inode = in.get<inode_id>();
  wire::read(in, answer.attributes);
}

void write(writer& out, const listing& answer) {
  write_list(out, answer.entries, [&](auto& entry) { write(out, entry); });
  out.put(answer.more);
}

void read(reader& in, listing& answer) {
  read_list(in, answer.entries, entry_bytes_min, [&](auto& entry) { read(in, entry); });
  answer.more = in.get<bool>();
}

void write(writer& out, const opened& answer) {
  out.put(answer.inode);
  wire::write(out, answer.attributes);
  wire::write(out, answer.pieces);
  out.put(answer.more);
}

void read(reader& in, opened& answer) {
  answer.inode = in.get<inode_id>();
  wire::read(in, answer.attributes);
  wire::read(in, answer.pieces);
  answer.more = in.get<bool>();
}

void write(writer& out, const summary& answer) {
  out.put(answer.cluster_id).put(answer.applied).put(answer.gc_watermark_us).put(answer.latest_us);
  out.put(answer.files).put(answer.directories).put(answer.others).put(answer.chunks);
  out.put(answer.incomplete_chunks).put(answer.bytes).put(answer.sessions);
  out.put(answer.pending_removals).put(answer.trash_entries).put(answer.trash_bytes);
  out.put(answer.trash_expires_us);
  write_list(out, answer.storages,
             [&](auto& node) { out.put(node.id).put(node.name).put(node.uuid).put(node.state); });
  out.put(answer.more);
}

void read(reader& in, summary& answer) {
  answer.cluster_id = in.get_string(limits::cluster_id_bytes_max);
  for (auto* field :
       {&answer.applied, &answer.gc_watermark_us, &answer.latest_us, &answer.files,
        &answer.directories, &answer.others, &answer.chunks, &answer.incomplete_chunks,
        &answer.bytes, &answer.sessions, &answer.pending_removals, &answer.trash_entries,
        &answer.trash_bytes, &answer.trash_expires_us})
    *field = in.get<std::uint64_t>();
  read_list(in, answer.storages, storage_bytes_min, [&](auto& node) {
    node.id = in.get<storage_id>();
    node.name = in.get_string(limits::storage_name_bytes_max);
    node.uuid = in.get_string(limits::storage_uuid_bytes_max);
    node.state = in.get_enum(storage_state_last);
  });
  answer.more = in.get<bool>();
}

void write(writer& out, const chunk_page& answer) {
  write_chunks(out, answer.chunks);
  out.put(answer.more);
}

void read(reader& in, chunk_page& answer) {
  read_chunks(in, answer.chunks);
  answer.more = in.get<bool>();
}

void write(writer& out, const known_chunks& answer) {
  out.put(answer.examined);
  write_chunks(out, answer.chunks);
}

void read(reader& in, known_chunks& answer) {
  answer.examined = in.get<std::uint32_t>();
  read_chunks(in, answer.chunks);
}

void write(writer& out, const written& answer) {
  out.put(answer.inode).put(answer.version).put(answer.time_ns);
  out.put(answer.offset_bytes).put(answer.size_bytes);
}

void read(reader& in, written& answer) {
  answer.inode = in.get<inode_id>();
  answer.version = in.get<std::uint64_t>();
  answer.time_ns = in.get<std::int64_t>();
  answer.offset_bytes = in.get<std::uint64_t>();
  answer.size_bytes = in.get<std::uint64_t>();
}

void write(writer& out, const defined& answer) {
  out.put(answer.id);
}

void read(reader& in, defined& answer) {
  answer.id = in.get<policy_id>();
}

void write(writer& out, const relocated& answer) {
  write_list(out, answer.outcomes, [&](auto outcome) { out.put(outcome); });
}

void read(reader& in, relocated& answer) {
  read_list(in, answer.outcomes, 1,
            [&](auto& outcome) { outcome = in.get_enum(relocation_outcome_last); });
}

void write(writer& out, const mounted& answer) {
  out.put(answer.id);
}

void read(reader& in, mounted& answer) {
  answer.id = in.get<mount_id>();
}

void write(writer& out, const answers& answer) {
  write_list(out, answer.each, [&](auto& bytes) { out.put(bytes); });
}

void read(reader& in, answers& answer) {
  read_list(in, answer.each, sizeof(std::uint32_t), [&](auto& bytes) { bytes = in.get_string(); });
}

void write(writer& out, const incomplete_page& answer) {
  write_list(out, answer.chunks, [&](auto& item) {
    out.put(item.spare);
    wire::write(out, item.chunk);
  });
  out.put(answer.more);
}

void read(reader& in, incomplete_page& answer) {
  read_list(in, answer.chunks, 1 + wire::chunk_bytes_min, [&](auto& item) {
    item.spare = in.get<std::uint8_t>();
    wire::read(in, item.chunk);
  });
  answer.more = in.get<bool>();
}

void write(writer& out, const effective_policy& answer) {
  out.put(answer.id);
  dfs::write(out, answer.policy);
  out.put(answer.set_at).put(answer.inode);
}

void read(reader& in, effective_policy& answer) {
  answer.id = in.get<policy_id>();
  dfs::read(in, answer.policy);
  answer.set_at = in.get<inode_id>();
  answer.inode = in.get<inode_id>();
}

void write(writer& out, const policy_page& answer) {
  write_list(out, answer.policies, [&](auto& item) {
    out.put(item.id);
    dfs::write(out, item.policy);
  });
  out.put(answer.more);
}

void read(reader& in, policy_page& answer) {
  read_list(in, answer.policies, policy_bytes_min, [&](auto& item) {
    item.id = in.get<policy_id>();
    dfs::read(in, item.policy);
  });
  answer.more = in.get<bool>();
}

void write(writer& out, const setting_page& answer) {
  write_list(out, answer.settings,
             [&](auto& item) { out.put(item.key).put(item.value).put(item.version); });
  out.put(answer.more);
}

void read(reader& in, setting_page& answer) {
  read_list(in, answer.settings, 16, [&](auto& item) {
    item.key = in.get_string(limits::setting_key_bytes_max);
    item.value = in.get_string(limits::setting_value_bytes_max);
    item.version = in.get<std::uint64_t>();
  });
  answer.more = in.get<bool>();
}

void write(writer& out, const mount_page& answer) {
  write_list(out, answer.mounts,
             [&](auto& item) { out.put(item.id).put(item.name).put(item.begun_us); });
  out.put(answer.more);
}

void read(reader& in, mount_page& answer) {
  read_list(in, answer.mounts, 16, [&](auto& item) {
    item.id = in.get<mount_id>();
    item.name = in.get_string(limits::mount_name_bytes_max);
    item.begun_us = in.get<std::uint64_t>();
  });
  answer.more = in.get<bool>();
}

void write(writer& out, const xattr_value& answer) {
  out.put(answer.value);
}

void read(reader& in, xattr_value& answer) {
  answer.value = in.get_string(limits::xattr_value_bytes_max);
}

void write(writer& out, const xattr_names& answer) {
  write_list(out, answer.names, [&](auto& name) { out.put(name); });
  out.put(answer.more);
}

void read(reader& in, xattr_names& answer) {
  read_list(in, answer.names, sizeof(std::uint32_t),
            [&](auto& name) { name = in.get_string(limits::xattr_name_bytes_max); });
  answer.more = in.get<bool>();
}

void write(writer& out, const trash_page& answer) {
  write_list(out, answer.items, [&](auto& item) {
    out.put(item.inode).put(item.type);
    wire::write(out, item.from);
    out.put(item.removed_us).put(item.expires_us).put(item.bytes).put(item.inodes);
    out.put(item.is_counted);
  });
  out.put(answer.time_us).put(answer.more).put(answer.next_expires_us).put(answer.next_inode);
}

void read(reader& in, trash_page& answer) {
  read_list(in, answer.items, trash_item_bytes_min, [&](auto& item) {
    item.inode = in.get<inode_id>();
    item.type = in.get_enum(inode_type_last);
    wire::read(in, item.from);
    for (auto* field : {&item.removed_us, &item.expires_us, &item.bytes, &item.inodes})
      *field = in.get<std::uint64_t>();
    item.is_counted = in.get<bool>();
  });
  answer.time_us = in.get<std::uint64_t>();
  answer.more = in.get<bool>();
  answer.next_expires_us = in.get<std::uint64_t>();
  answer.next_inode = in.get<inode_id>();
}

void write(writer& out, const discarded& answer) {
  out.put(answer.entries).put(answer.bytes);
}

void read(reader& in, discarded& answer) {
  answer.entries = in.get<std::uint32_t>();
  answer.bytes = in.get<std::uint64_t>();
}

void write(writer& out, const std::vector<walk_step>& steps) {
  write_list(out, steps, [&](auto& step) { out.put(step.directory).put(step.after); });
}

void read(reader& in, std::vector<walk_step>& steps) {
  read_list(in, steps, sizeof(inode_id) + sizeof(std::uint32_t), [&](auto& step) {
    step.directory = in.get<inode_id>();
    step.after = in.get_string(limits::name_bytes_max);
  });
}

void write(writer& out, const unconverted_page& answer) {
  write_list(out, answer.items, [&](auto& item) {
    out.put(item.inode).put(item.links).put(item.offset_bytes).put(item.length_bytes);
    wire::write(out, item.chunk);
    out.put(item.policy);
  });
  out.put(answer.files).put(answer.more);
  write(out, answer.next);
  out.put(answer.next_offset);
}

void read(reader& in, unconverted_page& answer) {
  read_list(in, answer.items, unconverted_item_bytes_min, [&](auto& item) {
    item.inode = in.get<inode_id>();
    item.links = in.get<std::uint32_t>();
    item.offset_bytes = in.get<std::uint64_t>();
    item.length_bytes = in.get<std::uint64_t>();
    wire::read(in, item.chunk);
    item.policy = in.get<policy_id>();
  });
  answer.files = in.get<std::uint64_t>();
  answer.more = in.get<bool>();
  read(in, answer.next);
  answer.next_offset = in.get<std::uint64_t>();
}

} // namespace dfs::responses
