"""S3: ranges of a named version, and what an object that was uploaded in parts is given besides its bytes: the tags
named when the upload began, and one checksum over the whole (ChecksumType FULL_OBJECT)."""

import base64
import re
import threading
import urllib.parse
import zlib

import ministack.services.s3 as s3

from gaps.patching import expect, wrap

expect(hasattr(s3, "_object_tags"), "ministack.services.s3._object_tags")
expect(hasattr(s3, "_completed_multipart_uploads"), "ministack.services.s3._completed_multipart_uploads")

# The checksum that the completion which runs in this thread found its whole object to have.
completing = threading.local()


@wrap(s3, "_create_multipart_upload", "bucket_name key headers")
def create(original, bucket_name, key, headers):
    status, response_headers, text = original(bucket_name, key, headers)
    found = re.search(rb"<UploadId>([^<]+)<", text)
    if status == 200 and found and headers.get("x-amz-tagging"):
        tags = dict(urllib.parse.parse_qsl(headers["x-amz-tagging"], keep_blank_values=True))
        s3._multipart_uploads[found.group(1).decode()]["nightjar_tags"] = tags
    return status, response_headers, text


def full_crc32(upload):
    crc = 0
    for number in sorted(upload["parts"]):
        crc = zlib.crc32(upload["parts"][number]["body"], crc)
    return base64.b64encode(crc.to_bytes(4, "big")).decode()


@wrap(s3, "_complete_multipart_upload", "bucket_name key body query_params headers")
def complete(original, bucket_name, key, body, query_params, headers=None):
    upload_id = s3._qp(query_params, "uploadId")
    upload = s3._multipart_uploads.get(upload_id)
    if upload is None:
        return original(bucket_name, key, body, query_params, headers)
    whole = (headers or {}).get("x-amz-checksum-type") == "FULL_OBJECT"
    if whole and upload.get("checksum_algorithm") == "CRC32":
        completing.crc32 = full_crc32(upload)
    try:
        status, response_headers, text = original(bucket_name, key, body, query_params, headers)
    finally:
        completing.crc32 = None
    if status != 200:
        return status, response_headers, text
    if upload.get("nightjar_tags"):
        version = s3._buckets[bucket_name]["objects"][key].get("version_id")
        s3._object_tags[(bucket_name, key, version)] = upload["nightjar_tags"]
    if whole:
        text = text.replace(b">COMPOSITE<", b">FULL_OBJECT<")
        # A repeated completion is answered from here.
        s3._completed_multipart_uploads[upload_id]["response"] = (status, response_headers, text)
    return status, response_headers, text


@wrap(s3, "_composite_checksum", "algorithm part_checksums")
def composite(original, algorithm, part_checksums):
    return getattr(completing, "crc32", None) or original(algorithm, part_checksums)


@wrap(s3, "_record_object_version", "bucket_name key prior_obj obj data")
def record(original, bucket_name, key, prior_obj, obj, data):
    if getattr(completing, "crc32", None):
        obj["checksum_type"] = "FULL_OBJECT"
    return original(bucket_name, key, prior_obj, obj, data)


@wrap(s3, "_get_object", "bucket_name key headers query_params")
def get(original, bucket_name, key, headers, query_params=None):
    status, response_headers, body = original(bucket_name, key, headers, query_params)
    wanted = headers.get("range")
    # Of a named version the emulator always gives the whole.
    if status != 200 or not wanted or not s3._qp(query_params or {}, "versionId"):
        return status, response_headers, body
    found = s3._parse_range(wanted, len(body))
    if found is None:
        text = s3._xml_body(s3._range_error_xml(bucket_name, key))
        return 416, {"Content-Type": "application/xml", "Content-Range": f"bytes */{len(body)}"}, text
    start, end = found
    piece = body[start : end + 1]
    headers_of_piece = {
        **response_headers,
        "Content-Length": str(len(piece)),
        "Content-Range": f"bytes {start}-{end}/{len(body)}",
    }
    return 206, headers_of_piece, piece
