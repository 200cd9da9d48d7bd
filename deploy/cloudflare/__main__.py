"""python -m deploy.cloudflare --api https://api.reel.example [--bucket https://ACCOUNT.r2.cloudflarestorage.com]"""

import argparse
import sys

from deploy.cloudflare.site import SiteError, build


def main() -> int:
    parser = argparse.ArgumentParser(description="Puts the built page together for Cloudflare.")
    parser.add_argument("--api", required=True, help="The API's origin, such as https://api.reel.example")
    parser.add_argument("--bucket", default="", help="The bucket's origin (REELBALLERS_S3_ENDPOINT)")
    options = parser.parse_args()
    try:
        site = build(options.api, options.bucket)
    except SiteError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{site} is ready. Deploy it: cd deploy/cloudflare && npm ci && npx wrangler deploy")
    return 0


if __name__ == "__main__":
    sys.exit(main())
