"""The page as static assets on Cloudflare, and the rules of its R2 bucket. How to: deploy/README.md."""
