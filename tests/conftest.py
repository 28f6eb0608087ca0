"""Which tests are of SQLite by their nature: where relays run on PostgreSQL (RELAY_ENGINE=postgresql) they are skipped. A file, or
FILE.TEST; the reason is above them."""
import os

import pytest

SQLITE_ONLY = {
    "copies of the database: the server's own tools make them": """
        test_restore test_content.test_backup_without_keys_has_no_facts_of_events_and_no_reasons
        test_prefs.test_backup_without_content_has_none_of_it
        test_faults.test_backup_taken_under_load_is_whole
        test_push.test_export_has_the_address_and_a_backup_without_content_has_not
        test_sequences.test_restart_backup_and_restore_keep_what_they_should
        test_relayctl.test_backup_is_a_whole_database_for_its_owner_only
        test_relayctl.test_backup_without_keys_holds_nothing_that_opens_a_message
        test_relayctl.test_backup_into_a_folder_that_is_not_there_is_an_error
        test_service.test_relay_that_was_tried_out_moves_into_the_service_with_its_accounts
        test_sweep.test_restore_brings_back_neither_a_scrubbed_text_nor_an_erased_account
        test_sweep.test_restore_of_a_backup_without_keys_has_no_text_and_hands_out_nothing
        test_sweep.test_restore_of_something_else_changes_nothing""",
    "what lies in the database's file and its log": """
        test_content.test_facts_of_a_group_event_are_sealed_and_go_with_it test_content.test_verify_names_what_an_older_program_left
        test_messages.test_delivered_text_is_scrubbed_from_the_files_as_the_mode_says
        test_poll.test_polling_with_nothing_new_writes_nothing test_doctor.test_wal_that_has_grown_fails
        test_sweep.test_delivered_message_leaves_neither_key_nor_body_in_any_file
        test_sweep.test_attachment_goes_with_its_message_and_not_before_it_is_confirmed
        test_sweep.test_what_an_erased_account_left_is_in_no_page_of_the_database
        test_sweep.test_reader_that_holds_on_delays_the_end_and_the_lag_is_reported
        test_sweep.test_verify_finds_a_text_that_lies_in_some_file
        test_sweep.test_verify_looks_where_database_and_uploads_really_are
        test_sweep.test_verify_that_cannot_read_a_folder_does_not_say_that_nothing_is_left""",
    "faults that are put under the database's file: its pages, its syncs, its lock, its disk, its owner": """
        test_truth_table.test_full_disk_is_said_by_all_three test_relayctl.test_database_that_is_gone_is_an_error_of_every_call
        test_power_cuts test_torture test_kills test_turns.test_failed_commit_is_503_to_all_of_the_turn_and_a_retry_succeeds
        test_turns.test_failed_sync_is_500_to_all_who_wait_and_the_pool_goes_on_anew
        test_notify.test_relay_that_cannot_serve_is_never_ready test_notify.test_watchdog_is_not_fed_once_the_workers_are_gone
        test_truth.test_damaged_page_that_a_worker_met_is_reported_by_ready_and_health
        test_truth.test_damaged_page_is_found_by_the_daily_check_and_by_doctor
        test_faults.test_lock_file_alone_held_by_somebody_else_makes_writers_wait
        test_faults.test_full_disk_refuses_sends_keeps_what_was_acknowledged_and_recovers
        test_housekeeping.test_full_disk_in_mid_pass_is_reported_leaves_nothing_half_done_and_the_next_pass_ends_the_work
        test_housekeeping.test_file_is_not_rebuilt_where_that_would_fill_the_disk
        test_faults.test_worker_that_meets_a_damaged_page_is_replaced_at_once_however_often
        test_first_errors.test_file_that_belongs_to_root_is_named_with_its_owner_and_the_line_that_mends_it""",
    "system calls of processes that open no socket": "test_forbidden test_unlisted",
    "every byte of the files; test_epoch_proof has the server's": "test_proof",
    "a schema of another version, as SQLite numbers it": """
        test_start.test_database_of_a_newer_version_is_refused test_doctor.test_database_of_another_version_fails test_migration""",
    "programs that are built or packed without PostgreSQL": """
        test_channel test_package.test_runtime_packages_hold_every_library_of_the_programs""",
    "memory of SQLite's own": "test_memory.test_memory_of_a_worker_is_given_back_after_a_large_request",
}


def sqlite_only():
    """{file or FILE.TEST: why}"""
    return {name: why for why, names in SQLITE_ONLY.items() for name in names.split()}


def pytest_collection_modifyitems(items):
    """Marks them."""
    if os.environ.get("RELAY_ENGINE") != "postgresql":
        return
    named = sqlite_only()
    for item in items:
        stem = item.path.stem
        why = named.get(stem) or named.get(f"{stem}.{item.name.split('[')[0]}")
        if why:
            item.add_marker(pytest.mark.skip(reason=f"of SQLite: {why}"))
